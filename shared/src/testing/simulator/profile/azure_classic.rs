//! A classic deployment of Azure OpenAI: its name is in the path, the version of the API in the query,
//! and the key in the header `api-key`. The deployment serves gpt-4o.
//!
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>

use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::{
    super::{
        api_error::ApiError,
        bill::{Charge, Price, Use},
    },
    CallBody, Provider, api_key, azure_v1, bad, bearer, openai,
};

/// The model behind the deployment.
const MODEL: &str = "gpt-4o";

pub(super) struct AzureClassic;

impl Provider for AzureClassic {
    fn example_model(&self) -> &'static str {
        "cards"
    }

    fn base(&self) -> &'static str {
        "/openai/deployments/cards"
    }

    fn query(&self) -> &'static str {
        "api-version=2024-10-21"
    }

    fn key<'h>(&self, headers: &'h HeaderMap, uri: &Uri) -> Result<&'h str, ApiError> {
        let version = uri.query().into_iter().flat_map(|query| query.split('&'));
        if !version.into_iter().any(|part| part.starts_with("api-version=20")) {
            return Err(not_found());
        }
        // A bearer is a token of Entra ID, which is a JWT.
        let token = bearer(headers).filter(|token| token.starts_with("eyJ"));
        api_key(headers).or(token).ok_or_else(azure_v1::denied)
    }

    fn check(&self, call: &CallBody<'_>) -> Result<(), ApiError> {
        if call.get("max_completion_tokens").is_some() {
            return Err(bad("Unrecognized request argument supplied: max_completion_tokens"));
        }
        openai::check_classic(call)
    }

    fn model(&self, _name: &str) -> Result<Value, ApiError> {
        Err(not_found())
    }

    fn price(&self, _model: &str) -> Price {
        openai::price(MODEL)
    }

    fn caches(&self) -> bool {
        true
    }

    fn usage(&self, used: &Use, _charge: &Charge) -> Value {
        openai::usage(used)
    }

    fn extras(&self, _call: &CallBody<'_>, _tier: Option<&str>) -> (Map<String, Value>, Map<String, Value>) {
        azure_v1::filters()
    }
}

fn not_found() -> ApiError {
    let message = "Resource not found";
    ApiError::invalid(StatusCode::NOT_FOUND, message).body(json!({"error": {"code": "404", "message": message}}))
}
