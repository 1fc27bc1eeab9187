//! A setting that is never shown.

use std::{convert::Infallible, fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// A secret that clients name, or that we name as a client. Neither its text nor its length is ever shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Whether a client named it. An empty secret is none: nobody can name it.
    ///
    /// Digests are compared, so that the time that it takes says nothing about how much of the text was right.
    #[must_use]
    pub fn is(&self, named: &[u8]) -> bool {
        !self.0.is_empty() && Sha256::digest(self.0.as_bytes()) == Sha256::digest(named)
    }
}

impl Secret {
    /// Its text, to be sent to where it belongs, and shown nowhere.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_itself_and_nothing_else() {
        let secret = Secret("s3cret".to_owned());
        assert!(secret.is(b"s3cret"));
        for named in ["", "s3cre", "s3crets", "S3CRET"] {
            assert!(!secret.is(named.as_bytes()), "{named}");
        }
        assert!(!Secret(String::new()).is(b""), "an empty one can't be named");
        assert!(!format!("{secret:?}").contains("s3c"));
    }
}
