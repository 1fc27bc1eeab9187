//! Labels whose values are known, so that all series of a metric exist from the start of the process.

use std::borrow::Cow;

/// The value of a label.
pub type LabelValue = Cow<'static, str>;

/// A label with a fixed list of values. [`label_values!`](crate::label_values!) implements it and makes
/// the list from the enum's variants, so no value can be missing.
pub trait Label: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// The value as it is written.
    fn as_str(self) -> &'static str;

    /// Every value as it is written.
    #[must_use]
    fn values() -> Vec<LabelValue> {
        Self::ALL.iter().map(|value| Cow::Borrowed(value.as_str())).collect()
    }
}

/// Declares an enum whose variants are the values of a label, and implements
/// [`Label`] for it.
#[macro_export]
macro_rules! label_values {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $crate::telemetry::Label for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

/// Every combination of these values: one list for each label of a metric.
#[must_use]
pub fn combinations<const N: usize>(lists: &[Vec<LabelValue>; N]) -> Vec<[LabelValue; N]> {
    let mut combined = vec![[const { Cow::Borrowed("") }; N]];
    for (place, list) in lists.iter().enumerate() {
        let with_each = |series: &[LabelValue; N]| {
            let mut copies = vec![series.clone(); list.len()];
            for (copy, value) in copies.iter_mut().zip(list) {
                copy[place].clone_from(value);
            }
            copies
        };
        combined = combined.iter().flat_map(with_each).collect();
    }
    combined
}

#[cfg(test)]
mod tests {
    use super::*;

    label_values! {
        enum Size {
            Small = "small",
            Large = "large",
        }
    }

    #[test]
    fn every_value_is_combined_with_every_other() {
        assert_eq!(Size::ALL, [Size::Small, Size::Large]);
        let shapes = vec!["round".into(), "flat".into()];
        let expected = [["small", "round"], ["small", "flat"], ["large", "round"], ["large", "flat"]];
        assert_eq!(combinations(&[Size::values(), shapes]), expected);
        assert_eq!(combinations(&[Size::values(), Vec::new()]), [[""; 2]; 0]);
        assert_eq!(combinations(&[]), [[""; 0]]);
    }
}
