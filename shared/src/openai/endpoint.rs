//! Where a call goes, and the header that carries the key.

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use url::Url;

use crate::config::{AuthHeader, ConfigError, OpenAiConfig};

static API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The chat completions of one server.
#[derive(Clone)]
pub(super) struct Endpoint {
    url: Url,
    auth: (HeaderName, HeaderValue),
}

impl Endpoint {
    /// # Errors
    ///
    /// When the address or the key can't be used in HTTP.
    pub(super) fn new(config: &OpenAiConfig) -> Result<Self, ConfigError> {
        let base = &config.openai_base_url;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(ConfigError::new(format!("OPENAI_BASE_URL ({base}) must begin with http:// or https://")));
        }
        let mut url = base.clone();
        // A query, such as the api-version of Azure's classic deployments, stays where it is.
        url.set_path(&format!("{}/chat/completions", base.path().trim_end_matches('/')));
        let key = &config.openai_api_key;
        let (name, value) = match config.auth_header() {
            AuthHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            AuthHeader::ApiKey => (API_KEY.clone(), key.clone()),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            ConfigError::new("OPENAI_API_KEY holds a character that HTTP does not allow, such as a line break")
        })?;
        value.set_sensitive(true);
        Ok(Self { url, auth: (name, value) })
    }

    /// A question about `model`. It may have slashes of its own (`openai/gpt-6-luna`).
    pub(super) fn model(&self, http: &reqwest::Client, model: &str) -> reqwest::RequestBuilder {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop().pop().push("models").extend(model.split('/'));
        }
        let (name, value) = &self.auth;
        http.get(url).header(name, value.clone())
    }

    /// Points a request of the client library here.
    pub(super) fn apply(&self, request: &mut reqwest::Request) {
        *request.url_mut() = self.url.clone();
        let (name, value) = &self.auth;
        request.headers_mut().remove(AUTHORIZATION);
        request.headers_mut().insert(name, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Settings {
        #[command(flatten)]
        openai: OpenAiConfig,
    }

    fn request(words: &[&str]) -> (String, String) {
        let config = Settings::parse_from([&["test"], words].concat()).openai;
        let mut request = reqwest::Request::new(http::Method::POST, "http://library.test".parse().unwrap());
        Endpoint::new(&config).unwrap().apply(&mut request);
        let headers: Vec<String> =
            request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        (request.url().to_string(), headers.join("\n"))
    }

    #[test]
    fn a_query_stays_a_query() {
        let case: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/cases/upstreams/azure-openai-classic-url.json")).unwrap();
        let base = case["OPENAI_BASE_URL"].as_str().unwrap();
        let url = "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21";
        let sent = request(&["--openai-base-url", base, "--openai-api-key", "k"]);
        assert_eq!(sent, (url.to_owned(), "api-key: k".to_owned()));
        // A token of Entra ID is a bearer there, too.
        let sent = request(&["--openai-base-url", base, "--openai-api-key", "eyJ0.a.b"]);
        assert_eq!(sent.1, "authorization: Bearer eyJ0.a.b");
    }

    #[test]
    fn the_key_goes_where_it_is_told_to_go() {
        for base in ["https://a.test/v1", "https://a.test/v1/"] {
            let sent = request(&["--openai-base-url", base, "--openai-api-key", "k"]);
            assert_eq!(sent, ("https://a.test/v1/chat/completions".to_owned(), "authorization: Bearer k".to_owned()));
        }
        let sent = request(&["--openai-api-key", "k", "--openai-auth-header", "api-key"]);
        assert_eq!(sent, ("https://api.openai.com/v1/chat/completions".to_owned(), "api-key: k".to_owned()));
    }
}
