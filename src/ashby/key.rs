//! What an API key may do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AshbyClient, AshbyError, endpoint, lenient::null_is_empty};

/// An API key, as Ashby describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiKeyInfo {
    /// The name an admin gave it.
    pub title: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Its rights, such as `candidates:write`.
    #[serde(deserialize_with = "null_is_empty")]
    pub scopes: Vec<String>,
}

impl AshbyClient {
    /// Describes the key this client uses (`apiKey.info`).
    pub async fn api_key_info(&self) -> Result<ApiKeyInfo, AshbyError> {
        let answer = self.call(endpoint::API_KEY_INFO, &json!({})).await?;
        Ok(answer.results)
    }
}
