//! People.
//!
//! Nothing here prints a name, an address or a link by `Debug`: logs are not the place for them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    AshbyClient, AshbyError, FieldValue, Page, PageFrom, endpoint,
    lenient::{id_if_any, null_is_empty, value_if_any, values_of},
    words::open_words,
};
use crate::ids::{ApplicationId, CandidateId, SourceId, UserId};

/// A person in Ashby.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The id, until a recruiter merges the person into another record.
    pub id: CandidateId,
    /// The full name.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub name: String,
    /// When the record was made; imports may put it into the past.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// When the record last changed. Moving an application does not count.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    /// The address that Ashby writes to.
    #[serde(
        rename = "primaryEmailAddress",
        default,
        deserialize_with = "value_if_any"
    )]
    pub primary_email: Option<String>,
    /// All addresses, as a rule the primary one among them.
    #[serde(default, deserialize_with = "values_of")]
    pub email_addresses: Vec<String>,
    /// Profiles elsewhere.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub social_links: Vec<SocialLink>,
    /// The person's applications, over all jobs the key may see.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub application_ids: Vec<ApplicationId>,
    /// Where the person came from.
    #[serde(rename = "source", default, deserialize_with = "id_if_any")]
    pub source_id: Option<SourceId>,
    /// The page of the person in Ashby.
    #[serde(default)]
    pub profile_url: Option<String>,
    /// The labels that recruiters gave the person.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tags: Vec<Tag>,
    /// Where the person works, as far as Ashby knows; absent from a bare record.
    #[serde(default)]
    pub company: Option<String>,
    /// The number that Ashby shows first.
    #[serde(
        rename = "primaryPhoneNumber",
        default,
        deserialize_with = "value_if_any"
    )]
    pub primary_phone: Option<String>,
    /// Where the person lives; absent from a bare record.
    #[serde(default)]
    pub location: Option<Place>,
    /// What is in their custom fields; those that are empty are left out.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub custom_fields: Vec<FieldValue>,
}

/// A place as Ashby shows it, which may be another form of what was written.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Its parts, as far as they are known.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub location_components: Vec<Component>,
}

/// A part of a place.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Component {
    /// `City`, `Region` or `Country`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A label of a person.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// What it says.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub title: String,
}

/// A profile of a person on another site.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct SocialLink {
    /// Which site.
    #[serde(rename = "type")]
    pub site: SocialSite,
    /// The address, as somebody typed it.
    pub url: String,
}

open_words! {
    /// The sites that Ashby tells apart; the ones we use.
    SocialSite {
        /// linkedin.com.
        LinkedIn,
        /// github.com.
        GitHub,
        /// The person's own pages.
        Website,
    }
}

/// A person to be created.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCandidate {
    /// The full name, the one thing Ashby insists on.
    pub name: String,
    /// Becomes the primary, personal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Further addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternate_email_addresses: Vec<String>,
    /// A telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The profile on linkedin.com, with its scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked_in_url: Option<String>,
    /// The profile on github.com, with its scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github_url: Option<String>,
    /// A site of their own, with its scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Where they live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Where they came from. Left out, the key's own default applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<SourceId>,
    /// Who is credited with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credited_to_user_id: Option<UserId>,
}

/// What is to be changed of a person (`candidate.update`). What is left out stays as it is, and nobody is notified.
///
/// All links together can be replaced too; that is left out on purpose, for it takes away what others have added. The three
/// addresses here each change the one link of their own kind.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateChange {
    candidate_id: CandidateId,
    /// Ashby tells recruiters of a change unless this says no.
    send_notifications: bool,
    /// The full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Becomes the primary address. The one before stays as another: no call takes an address away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// One further address, added to those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_email: Option<String>,
    /// The telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The profile on linkedin.com, with its scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked_in_url: Option<String>,
    /// The profile on github.com, with its scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github_url: Option<String>,
    /// A site of their own, with its scheme. `candidate.create` spells it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_url: Option<String>,
    /// Where they live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl CandidateChange {
    /// Nothing yet, of that person.
    pub const fn of(candidate_id: CandidateId) -> Self {
        Self {
            candidate_id,
            send_notifications: false,
            name: None,
            email: None,
            alternate_email: None,
            phone_number: None,
            linked_in_url: None,
            github_url: None,
            website_url: None,
            location: None,
        }
    }
}

/// A place, as far as it is known.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The state, province or region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Candidate {
    /// Every address of the person, the primary one first and none twice.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        let primary = self.primary_email.as_deref();
        let others = self.email_addresses.iter().map(String::as_str);
        primary
            .into_iter()
            .chain(others.filter(move |other| Some(*other) != primary))
    }

    /// The links to the person on linkedin.com, as somebody typed them.
    pub fn linked_in_urls(&self) -> impl Iterator<Item = &str> {
        self.links_to(SocialSite::LinkedIn)
    }

    /// The links to the person on a site, as somebody typed them.
    pub fn links_to(&self, site: SocialSite) -> impl Iterator<Item = &str> {
        let links = self.social_links.iter();
        links
            .filter(move |link| link.site == site)
            .map(|link| link.url.as_str())
    }
}

impl NewCandidate {
    /// Somebody of whom only the name is known so far.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            email: None,
            alternate_email_addresses: Vec::new(),
            phone_number: None,
            linked_in_url: None,
            github_url: None,
            website: None,
            location: None,
            source_id: None,
            credited_to_user_id: None,
        }
    }
}

impl AshbyClient {
    /// The people with an address (`candidate.search`); at most a hundred, which no address should reach.
    ///
    /// How Ashby compares addresses is not documented: look at [`Candidate::emails`] before believing it. Links
    /// to profiles elsewhere cannot be searched for.
    pub async fn candidate_search_by_email(
        &self,
        email: &str,
    ) -> Result<Vec<Candidate>, AshbyError> {
        let question = json!({ "email": email });
        let answer = self.call(endpoint::CANDIDATE_SEARCH, &question).await?;
        Ok(answer.results)
    }

    /// One person (`candidate.info`).
    pub async fn candidate_info(&self, id: &CandidateId) -> Result<Candidate, AshbyError> {
        let question = json!({ "id": id });
        let answer = self.call(endpoint::CANDIDATE_INFO, &question).await?;
        Ok(answer.results)
    }

    /// A page of all people, or of those who changed (`candidate.list`).
    pub async fn candidates_page(&self, from: &PageFrom) -> Result<Page<Candidate>, AshbyError> {
        self.page(endpoint::CANDIDATE_LIST, from).await
    }

    /// Creates a person (`candidate.create`). Ashby creates always, also a second one with the same address: search first,
    /// and look again after [`Disposition::InDoubt`](super::Disposition::InDoubt).
    pub async fn create_candidate(&self, new: &NewCandidate) -> Result<Candidate, AshbyError> {
        let answer = self.call(endpoint::CANDIDATE_CREATE, new).await?;
        Ok(answer.results)
    }

    /// Changes a person, and answers them as they are afterwards (`candidate.update`). Doing it twice is the same as once.
    pub async fn update_candidate(&self, to: &CandidateChange) -> Result<Candidate, AshbyError> {
        let answer = self.call(endpoint::CANDIDATE_UPDATE, to).await?;
        Ok(answer.results)
    }
}

impl fmt::Debug for CandidateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandidateChange")
            .field("candidate_id", &self.candidate_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Component").field(&self.kind).finish()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &self.location_components;
        f.debug_tuple("Place").field(parts).finish()
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("id", &self.id)
            .field("updated_at", &self.updated_at)
            .field("email_addresses", &self.email_addresses.len())
            .field("social_links", &self.social_links)
            .field("application_ids", &self.application_ids)
            .field("source_id", &self.source_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SocialLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SocialLink").field(&self.site).finish()
    }
}

impl fmt::Debug for NewCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCandidate")
            .field("source_id", &self.source_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Candidate {
        serde_json::from_value(json!({
            "id": "c-1", "name": "Ada Lovelace",
            "createdAt": "2026-11-20T09:00:00.123Z", "updatedAt": "2026-11-20T09:00:01Z",
            "primaryEmailAddress": {"value": "ada@example.com", "type": "Personal", "isPrimary": true},
            "emailAddresses": [
                {"value": "ada@example.com", "type": "Personal", "isPrimary": true},
                {"value": "ada@work.example", "type": "Work", "isPrimary": false}
            ],
            "phoneNumbers": [], "tags": [], "fraudStatus": null,
            "socialLinks": [
                {"type": "LinkedIn", "url": "https://www.linkedin.com/in/ada"},
                {"type": "Mastodon", "url": "https://example.social/@ada"}
            ],
            "applicationIds": ["a-1", "a-2"],
            "source": {"id": "s-1", "title": "Dover", "isArchived": false},
            "profileUrl": "https://app.ashbyhq.com/candidates/c-1"
        }))
        .unwrap()
    }

    #[test]
    fn a_full_record_is_read() {
        let ada = ada();
        assert_eq!(
            ada.emails().collect::<Vec<_>>(),
            ["ada@example.com", "ada@work.example"]
        );
        assert_eq!(
            ada.linked_in_urls().collect::<Vec<_>>(),
            ["https://www.linkedin.com/in/ada"]
        );
        assert_eq!(ada.application_ids.len(), 2);
        assert_eq!(ada.source_id, Some("s-1".into()));
    }

    #[test]
    fn a_bare_record_is_read_with_fields_absent_or_null() {
        for bare in [
            json!({"id": "c-1"}),
            json!({
                "id": "c-1", "name": null, "createdAt": null, "updatedAt": null, "primaryEmailAddress": null,
                "emailAddresses": null, "socialLinks": null, "applicationIds": null, "source": null, "profileUrl": null
            }),
        ] {
            let candidate: Candidate = serde_json::from_value(bare).unwrap();
            assert_eq!(candidate.emails().count(), 0);
            assert_eq!(candidate.source_id, None);
        }
    }

    #[test]
    fn only_what_is_known_is_sent() {
        let mut new = NewCandidate::named("Ada Lovelace");
        assert_eq!(
            serde_json::to_value(&new).unwrap(),
            json!({"name": "Ada Lovelace"})
        );
        new.linked_in_url = Some("https://www.linkedin.com/in/ada".to_owned());
        new.github_url = Some("https://github.com/ada".to_owned());
        new.alternate_email_addresses = vec!["ada@work.example".to_owned()];
        new.location = Some(Location {
            city: Some("London".to_owned()),
            ..Location::default()
        });
        new.source_id = Some("s-1".into());
        assert_eq!(
            serde_json::to_value(&new).unwrap(),
            json!({
                "name": "Ada Lovelace",
                "alternateEmailAddresses": ["ada@work.example"],
                "linkedInUrl": "https://www.linkedin.com/in/ada",
                "githubUrl": "https://github.com/ada",
                "location": {"city": "London"},
                "sourceId": "s-1"
            })
        );
    }

    #[test]
    fn a_change_says_what_changes_and_notifies_nobody() {
        let change = CandidateChange {
            website_url: Some("https://ada.example".to_owned()),
            ..CandidateChange::of("c-1".into())
        };
        assert_eq!(
            serde_json::to_value(&change).unwrap(),
            json!({"candidateId": "c-1", "sendNotifications": false, "websiteUrl": "https://ada.example"})
        );
        assert!(!format!("{change:?}").contains("ada"));
    }

    #[test]
    fn nobody_is_named_in_a_log() {
        let new = NewCandidate {
            email: Some("ada@example.com".to_owned()),
            ..NewCandidate::named("Ada Lovelace")
        };
        let printed = format!("{:?} {new:?}", ada()).to_lowercase();
        assert!(!printed.contains("ada"), "{printed}");
        assert!(printed.contains("c-1"), "{printed}");
    }
}
