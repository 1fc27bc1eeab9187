//! Who a request is from.

use clap::{Args, ValueEnum};

use super::ConfigError;

/// A shorter secret can be guessed from one token. RFC 7518, section 3.2, asks for as many bits as the hash has.
/// <https://www.rfc-editor.org/rfc/rfc7518#section-3.2>
const SECRET_MIN_BYTES: usize = 32;

/// A way in which a request says who it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// `authorization: Bearer` with a signed token of your identity provider, whose `sub` is the user
    Jwt,
    /// `x-api-key` with a key that `unilingo keys create` has made, for servers
    ApiKey,
    /// Believe the `user-id` header and the `userId` field. For development and private networks only
    TrustClient,
}

/// Who a request is from.
#[derive(Clone, Args)]
#[command(next_help_heading = "Identity")]
pub struct IdentityConfig {
    /// How a request says who it is from; several, separated by commas, are tried by what it carries. There is no default: choose
    #[arg(long, env = "AUTH", value_delimiter = ',')]
    pub auth: Vec<AuthMode>,

    /// Secret that tokens are signed with under HS256, of at least 32 bytes
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// Where the identity provider shows its public keys (a JWK Set), for tokens signed under RS256 or ES256
    #[arg(long, env = "JWKS_URL")]
    pub jwks_url: Option<String>,

    /// `aud` that a token must have. Unset, any will do
    #[arg(long, env = "JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,

    /// `iss` that a token must have. Unset, any will do
    #[arg(long, env = "JWT_ISSUER")]
    pub jwt_issuer: Option<String>,
}

impl std::fmt::Debug for IdentityConfig {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityConfig").field("auth", &self.auth).finish_non_exhaustive()
    }
}

impl IdentityConfig {
    /// Whether requests may say who they are from in this way.
    #[must_use]
    pub fn allows(&self, mode: AuthMode) -> bool {
        self.auth.contains(&mode)
    }

    /// Checks the rules that clap can't state in one line that names the variable.
    ///
    /// # Errors
    ///
    /// When nobody chose, or tokens can't be checked with what is set.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |text: String| Err(ConfigError::new(text));
        if self.auth.is_empty() {
            return wrong(format!("AUTH (--auth) is not set and has no default; choose from: {}", choices()));
        }
        let settings = [
            ("JWT_SECRET", &self.jwt_secret),
            ("JWKS_URL", &self.jwks_url),
            ("JWT_AUDIENCE", &self.jwt_audience),
            ("JWT_ISSUER", &self.jwt_issuer),
        ];
        if let Some((name, _)) =
            settings.iter().find(|(_, value)| value.as_ref().is_some_and(|value| value.trim().is_empty()))
        {
            return wrong(format!("{name} is empty: set it, or unset it"));
        }
        if !self.allows(AuthMode::Jwt) {
            return match settings.iter().find(|(_, value)| value.is_some()) {
                Some((name, _)) => {
                    wrong(format!("{name} is set, but AUTH does not name jwt, so no token is looked at"))
                }
                None => Ok(()),
            };
        }
        if self.jwt_secret.is_none() && self.jwks_url.is_none() {
            return wrong("AUTH names jwt: set JWT_SECRET (HS256) or JWKS_URL (RS256, ES256)".to_owned());
        }
        if self.jwt_secret.as_ref().is_some_and(|secret| secret.len() < SECRET_MIN_BYTES) {
            return wrong(format!("JWT_SECRET has fewer than {SECRET_MIN_BYTES} bytes, which can be guessed"));
        }
        if let Some(url) = &self.jwks_url {
            check_jwks_url(url)?;
        }
        Ok(())
    }
}

/// Whoever can change the keys on their way can be anybody.
fn check_jwks_url(url: &str) -> Result<(), ConfigError> {
    let parsed = reqwest::Url::parse(url).map_err(|error| ConfigError::new(format!("JWKS_URL: {error}")))?;
    let local = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if parsed.scheme() == "https" || parsed.scheme() == "http" && local {
        return Ok(());
    }
    Err(ConfigError::new("JWKS_URL must begin with https://: whoever can change the keys on their way can be anybody"))
}

/// `trust-client (Believe …)`, for every mode.
fn choices() -> String {
    let values = AuthMode::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let texts = values.map(|value| match value.get_help() {
        Some(help) => format!("{} ({help})", value.get_name()),
        None => value.get_name().to_owned(),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        identity: IdentityConfig,
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn validated(args: &[&str]) -> Result<(), String> {
        let cli = Cli::try_parse_from([&["api"], args].concat()).unwrap();
        cli.identity.validate().map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_choice_the_error_says_which_there_are() {
        let error = validated(&[]).unwrap_err();
        assert!(error.starts_with("AUTH ") && !error.contains('\n'), "{error}");
        assert!(["jwt", "api-key", "trust-client"].iter().all(|mode| error.contains(mode)), "{error}");
    }

    #[test]
    fn tokens_need_a_key_that_can_be_relied_on() {
        for (args, named) in [
            (&["--auth", "jwt"][..], "JWT_SECRET"),
            (&["--auth", "jwt", "--jwt-secret", "short"], "JWT_SECRET"),
            (&["--auth", "jwt", "--jwt-secret", ""], "JWT_SECRET is empty"),
            (&["--auth", "jwt", "--jwks-url", "http://id.example.com/jwks"], "JWKS_URL"),
            (&["--auth", "jwt", "--jwks-url", "nonsense"], "JWKS_URL"),
            (&["--auth", "trust-client", "--jwt-secret", SECRET], "JWT_SECRET is set"),
            (&["--auth", "api-key", "--jwt-audience", "app"], "JWT_AUDIENCE is set"),
        ] {
            let error = validated(args).unwrap_err();
            assert!(error.contains(named) && !error.contains(SECRET), "{args:?}: {error}");
        }
        for args in [
            &["--auth", "jwt", "--jwt-secret", SECRET][..],
            &["--auth", "jwt,api-key", "--jwks-url", "https://id.example.com/jwks", "--jwt-issuer", "me"],
            &["--auth", "jwt", "--jwks-url", "http://127.0.0.1:9000/jwks"],
            &["--auth", "trust-client"],
        ] {
            assert_eq!(validated(args), Ok(()), "{args:?}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let cli = Cli::try_parse_from(["api", "--auth", "jwt", "--jwt-secret", SECRET]).unwrap();
        assert!(!format!("{cli:?}").contains(SECRET));
    }
}
