//! The people who use an employer's Ashby.

use serde::Deserialize;
use serde_json::json;

use super::{AshbyClient, AshbyError, endpoint};
use crate::ids::UserId;

/// Somebody who uses Ashby.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Whether they still may.
    #[serde(default = "yes")]
    pub is_enabled: bool,
}

const fn yes() -> bool {
    true
}

impl AshbyClient {
    /// The user of an e-mail address (`user.search`): Ashby answers none or one.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, AshbyError> {
        let question = json!({ "email": email });
        let answer = self
            .call::<_, Vec<User>>(endpoint::USER_SEARCH, &question)
            .await?;
        Ok(answer.results.into_iter().next())
    }
}
