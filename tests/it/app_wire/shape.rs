//! Whether an answer has the shape that was recorded.

use serde_json::Value;

/// What is wrong with `value`; fields that the shape does not name are fine. Texts of a shape are literal, but for
/// `$string`, `$number`, `$integer`, `$boolean`, `$time` (ISO 8601 in UTC), `$ms` (since the Unix epoch), `$any`, `$null or …`,
/// and those with `*` for any text. An array of a shape has the elements of the value in their order, or, as `["$each", shape]`,
/// one shape for all of them, of which there is at least one.
pub(super) fn fits(value: &Value, shape: &Value) -> Result<(), String> {
    match shape {
        Value::Object(fields) => fields.iter().try_for_each(|(name, shape)| {
            let field = value.get(name).ok_or_else(|| format!("no `{name}`"))?;
            fits(field, shape).map_err(|why| format!("`{name}`: {why}"))
        }),
        Value::Array(shapes) => {
            let values = value.as_array().ok_or_else(|| format!("{value} is no array"))?;
            if let [Value::String(each), shape] = shapes.as_slice()
                && each == "$each"
            {
                if values.is_empty() {
                    return Err("nothing in the array".to_owned());
                }
                return values.iter().try_for_each(|value| fits(value, shape));
            }
            if values.len() != shapes.len() {
                return Err(format!("{} elements, not {}", values.len(), shapes.len()));
            }
            values.iter().zip(shapes).try_for_each(|(value, shape)| fits(value, shape))
        }
        Value::String(shape) => fits_text(value, shape),
        literal if value == literal => Ok(()),
        literal => Err(format!("{value} is not {literal}")),
    }
}

fn fits_text(value: &Value, shape: &str) -> Result<(), String> {
    if let Some(other) = shape.strip_prefix("$null or ") {
        return if value.is_null() { Ok(()) } else { fits_text(value, other) };
    }
    let text = value.as_str();
    let good = match shape {
        "$any" => true,
        "$string" => text.is_some_and(|text| !text.is_empty()),
        "$number" => value.is_number(),
        "$integer" => value.is_u64(),
        "$boolean" => value.is_boolean(),
        // Years that are neither seconds nor microseconds.
        "$ms" => value.as_u64().is_some_and(|ms| (1_700_000_000_000..4_000_000_000_000).contains(&ms)),
        "$time" => text.is_some_and(is_time),
        _ => text.is_some_and(|text| matches(text, shape)),
    };
    if good { Ok(()) } else { Err(format!("{value} is not {shape}")) }
}

/// Whether the text is that of the pattern, where each `*` stands for any text.
fn matches(text: &str, pattern: &str) -> bool {
    let (head, rest) = pattern.split_once('*').map_or((pattern, None), |(head, rest)| (head, Some(rest)));
    match (text.strip_prefix(head), rest) {
        (Some(left), Some(rest)) => (0..=left.len()).any(|n| left.is_char_boundary(n) && matches(&left[n..], rest)),
        (left, _) => left == Some(""),
    }
}

/// As `Date.toISOString` writes it.
fn is_time(text: &str) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    let same = |(letter, pattern): (u8, u8)| if pattern == b'd' { letter.is_ascii_digit() } else { letter == pattern };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_what_fits_from_what_does_not() {
        for (value, shape, good) in [
            (json!({"a": 1, "b": 2}), json!({"a": 1}), true),
            (json!({"b": 2}), json!({"a": 1}), false),
            (json!("2026-11-24T10:53:02.861Z"), json!("$time"), true),
            (json!("2026-11-24"), json!("$time"), false),
            (json!(1_764_000_000), json!("$ms"), false),
            (json!(null), json!("$null or $ms"), true),
            (json!("1"), json!("$number"), false),
            (json!(1.5), json!("$integer"), false),
            (json!([{"a": 1}, {"a": 1}]), json!(["$each", {"a": "$integer"}]), true),
            (json!([]), json!(["$each", "$any"]), false),
            (json!([1]), json!([1, 2]), false),
            (json!("10-30 seconds"), json!("*-* seconds"), true),
            (json!("10 seconds"), json!("*-* seconds"), false),
            (json!("10-30 seconds"), json!("10*"), true),
            (json!("10-30 seconds"), json!("10"), false),
            (json!("seconds"), json!("sec*conds"), false),
        ] {
            assert_eq!(fits(&value, &shape).is_ok(), good, "{value} {shape}");
        }
    }
}
