//! Reading the long lists, a hundred objects a call, whole or only what changed since the last time.
//!
//! Ashby gives a cursor with every page but the last, and with the last a token: shown again later, it brings only what
//! has changed in between. Both expire; [`AshbyError::is_cursor_refused`] and [`AshbyError::is_token_refused`] tell.
//! Deletions and merges never show in these lists.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{AshbyClient, AshbyError, ErrorKind, endpoint::Endpoint, envelope::Answer};
use crate::ids::CandidateId;

/// The most objects that Ashby puts on a page.
const PAGE_SIZE: u32 = 100;

/// A place in the history of a list, from which on its changes can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SyncToken(pub String);

/// Where to read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageFrom {
    /// The first page of the whole list.
    Start,
    /// The first page of what has changed since.
    Since(SyncToken),
    /// A later page of either.
    Cursor {
        /// As the page before gave it.
        cursor: String,
        /// The token this pass began with, if it began with one.
        since: Option<SyncToken>,
    },
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it, oldest first.
    pub items: Vec<T>,
    /// What comes after it.
    pub next: Next,
}

/// What comes after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another page, at this cursor.
    More(String),
    /// Nothing. The token is for the next pass; without one, the next pass reads everything again.
    Done(Option<SyncToken>),
}

/// The question as it is sent; what is not asked for is left out, for not every list takes `null`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageRequest<'a> {
    /// Whose, in a list that is of one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_id: Option<&'a CandidateId>,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sync_token: Option<&'a SyncToken>,
}

impl<'a> From<&'a PageFrom> for PageRequest<'a> {
    fn from(from: &'a PageFrom) -> Self {
        let (cursor, sync_token) = match from {
            PageFrom::Start => (None, None),
            PageFrom::Since(token) => (None, Some(token)),
            PageFrom::Cursor { cursor, since } => (Some(cursor.as_str()), since.as_ref()),
        };
        Self {
            candidate_id: None,
            limit: PAGE_SIZE,
            cursor,
            sync_token,
        }
    }
}

impl AshbyClient {
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        from: &PageFrom,
    ) -> Result<Page<T>, AshbyError> {
        let answer = self.call(endpoint, &PageRequest::from(from)).await?;
        page_of(endpoint, answer)
    }

    /// A page of a list that is of one person.
    pub(super) async fn page_about<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        from: &PageFrom,
        candidate: &CandidateId,
    ) -> Result<Page<T>, AshbyError> {
        let question = PageRequest {
            candidate_id: Some(candidate),
            ..PageRequest::from(from)
        };
        let answer = self.call(endpoint, &question).await?;
        page_of(endpoint, answer)
    }
}

/// A page that promises more and does not say where must not pass for the last one.
fn page_of<T>(endpoint: Endpoint, answer: Answer<Vec<T>>) -> Result<Page<T>, AshbyError> {
    let next = match (answer.more, answer.next_cursor) {
        (true, Some(cursor)) => Next::More(cursor),
        (true, None) => {
            let message = "more data is available, and no cursor leads to it";
            return Err(AshbyError::new(endpoint, ErrorKind::Unreadable, message));
        }
        (false, _) => Next::Done(answer.sync_token.map(SyncToken)),
    };
    Ok(Page {
        items: answer.results,
        next,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::endpoint::CANDIDATE_LIST, *};

    #[test]
    fn a_page_is_asked_for_without_nulls() {
        let token = SyncToken("6WpGx7L3L".to_owned());
        let cursor = |since| PageFrom::Cursor {
            cursor: "abc".to_owned(),
            since,
        };
        for (from, expected) in [
            (PageFrom::Start, json!({"limit": 100})),
            (
                PageFrom::Since(token.clone()),
                json!({"limit": 100, "syncToken": "6WpGx7L3L"}),
            ),
            (cursor(None), json!({"limit": 100, "cursor": "abc"})),
            (
                cursor(Some(token)),
                json!({"limit": 100, "cursor": "abc", "syncToken": "6WpGx7L3L"}),
            ),
        ] {
            assert_eq!(
                serde_json::to_value(PageRequest::from(&from)).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn a_page_that_promises_more_without_a_cursor_is_not_the_last() {
        let answer = Answer {
            results: vec![1],
            more: true,
            next_cursor: None,
            sync_token: None,
        };
        let error = page_of(CANDIDATE_LIST, answer).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreadable);
    }
}
