//! Tags of candidates.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AshbyClient, AshbyError, Candidate, endpoint};
use crate::ids::{CandidateId, TagId};

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// Its title.
    pub title: String,
}

impl AshbyClient {
    /// The tag of a title, made where there is none (`candidateTag.create`): of a title that exists, Ashby answers the tag
    /// that has it, so that asking twice does no harm.
    pub async fn tag_titled(&self, title: &str) -> Result<Tag, AshbyError> {
        let question = json!({ "title": title });
        let answer = self.call(endpoint::CANDIDATE_TAG_CREATE, &question).await?;
        Ok(answer.results)
    }

    /// Gives a candidate a tag (`candidate.addTag`). One that they have already is not given twice.
    pub async fn add_tag(
        &self,
        candidate: &CandidateId,
        tag: &TagId,
    ) -> Result<Candidate, AshbyError> {
        let question = json!({ "candidateId": candidate, "tagId": tag });
        let answer = self.call(endpoint::CANDIDATE_ADD_TAG, &question).await?;
        Ok(answer.results)
    }
}
