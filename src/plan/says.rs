//! Rule 1, the fold: many deliveries of one prospect become what Dover says now.
//!
//! Every statement carries the [`Stamp`] of the delivery that made it, and the later stamp wins. That makes the fold
//! commutative, associative and idempotent: deliveries may arrive in any order, twice, or be folded in any grouping.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::outline::Statements;

/// How far Dover's clock may run ahead of ours before we stop believing it.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Where Dover says a candidate stands in the process; further on is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Sourced, not yet written to.
    NewLead,
    /// Has received outreach.
    ReachedOut,
    /// Has answered.
    Replied,
    /// Has answered and wants to hear more.
    Interested,
    /// In any interview stage.
    Interviewing,
}

impl Stage {
    /// The word of the delivery contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NewLead => "new_lead",
            Self::ReachedOut => "reached_out",
            Self::Replied => "replied",
            Self::Interested => "interested",
            Self::Interviewing => "interviewing",
        }
    }
}

/// Whether Dover still pursues a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In play.
    Active,
    /// The candidate stepped back.
    Withdrew,
    /// The employer said no.
    Rejected,
    /// Hired.
    Hired,
    /// Put off until later.
    Snoozed,
    /// The candidate does not want this job.
    NotInterested,
}

impl Status {
    /// The word of the delivery contract.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Withdrew => "withdrew",
            Self::Rejected => "rejected",
            Self::Hired => "hired",
            Self::Snoozed => "snoozed",
            Self::NotInterested => "not_interested",
        }
    }
}

/// A word of a closed vocabulary, or the word that was said instead. An unknown word is kept and never guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Word<T> {
    /// A word of the vocabulary.
    Known(T),
    /// Something else, as it was said.
    Unknown(String),
}

/// When Dover said a thing, and which of two sayings of the same moment arrived later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The moment that counts: Dover's own, or that of receipt where Dover's clock ran ahead.
    pub at: DateTime<Utc>,
    /// Order of arrival; later is greater.
    pub arrival: i64,
    /// What Dover claimed, where we did not believe it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<DateTime<Utc>>,
}

impl Stamp {
    /// Dates a delivery. An `updated_at` more than five minutes after we received it counts as the time of receipt: a
    /// clock that runs ahead must not win for ever.
    ///
    /// Times are kept to the microsecond, as the database does: with finer digits the same update would look newer than
    /// its own time read back.
    pub fn new(updated_at: DateTime<Utc>, received_at: DateTime<Utc>, arrival: i64) -> Self {
        let updated_at = updated_at.trunc_subsecs(6);
        let received_at = received_at.trunc_subsecs(6);
        if updated_at - received_at > CLOCK_TOLERANCE {
            Self {
                at: received_at,
                arrival,
                claimed: Some(updated_at),
            }
        } else {
            Self {
                at: updated_at,
                arrival,
                claimed: None,
            }
        }
    }
}

/// A statement and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// What was said.
    pub value: T,
    /// When.
    pub stamp: Stamp,
}

impl<T> Dated<T> {
    /// `value`, said at `stamp`.
    pub const fn new(value: T, stamp: Stamp) -> Self {
        Self { value, stamp }
    }
}

/// Keeps the later of two statements.
fn later<T>(ours: &mut Option<Dated<T>>, theirs: Option<Dated<T>>) {
    if let Some(theirs) = theirs
        && ours.as_ref().is_none_or(|ours| ours.stamp < theirs.stamp)
    {
        *ours = Some(theirs);
    }
}

/// A stage as Dover put it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidStage {
    /// The stage.
    pub stage: Word<Stage>,
    /// The employer's own name of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where a candidate lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Region, state or county.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Who the candidate is. Each field is dated by itself, so that a later delivery that leaves one out does not take
/// it away.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// Full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Dated<String>>,
    /// Primary e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Dated<String>>,
    /// Further e-mail addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_emails: Option<Dated<Vec<String>>>,
    /// Telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Dated<String>>,
    /// LinkedIn profile, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linkedin_url: Option<Dated<String>>,
    /// Other profiles by the name of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub social_urls: Option<Dated<BTreeMap<String, String>>>,
    /// Current job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Dated<String>>,
    /// Current employer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<Dated<String>>,
    /// Where they live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Dated<Location>>,
    /// Whatever else Dover knows, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Dated<serde_json::Map<String, serde_json::Value>>>,
    /// E-mail address of the sourcer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<Dated<String>>,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(redacted)")
    }
}

impl Contact {
    fn merge(&mut self, other: Self) {
        later(&mut self.name, other.name);
        later(&mut self.email, other.email);
        later(&mut self.alternate_emails, other.alternate_emails);
        later(&mut self.phone, other.phone);
        later(&mut self.linkedin_url, other.linkedin_url);
        later(&mut self.social_urls, other.social_urls);
        later(&mut self.title, other.title);
        later(&mut self.company, other.company);
        later(&mut self.location, other.location);
        later(&mut self.fields, other.fields);
        later(&mut self.owner_email, other.owner_email);
    }
}

/// What Dover says of one prospect: one delivery's content, or the fold of many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DoverSays {
    /// The latest stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Dated<SaidStage>>,
    /// The latest status. A delivery that names a stage and no status says *active*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Dated<Word<Status>>>,
    /// Who the candidate is.
    pub contact: Contact,
}

impl DoverSays {
    /// One stage change. A stage without a status says *active*; a status without a stage leaves the stage as it was.
    pub fn standing(stage: Option<SaidStage>, status: Option<Word<Status>>, stamp: Stamp) -> Self {
        let status = status.or_else(|| stage.is_some().then_some(Word::Known(Status::Active)));
        Self {
            stage: stage.map(|stage| Dated::new(stage, stamp)),
            status: status.map(|status| Dated::new(status, stamp)),
            contact: Contact::default(),
        }
    }

    /// The same with `contact`.
    #[must_use]
    pub fn with_contact(mut self, contact: Contact) -> Self {
        self.contact = contact;
        self
    }

    /// Folds `other` in: of each statement the later one stays.
    pub fn fold(&mut self, other: Self) {
        later(&mut self.stage, other.stage);
        later(&mut self.status, other.status);
        self.contact.merge(other.contact);
    }

    /// What it says something of.
    pub fn statements(&self) -> Statements {
        let contact = &self.contact;
        Statements::of([
            self.stage.is_some(),
            self.status.is_some(),
            contact.name.is_some(),
            contact.email.is_some(),
            contact.alternate_emails.is_some(),
            contact.phone.is_some(),
            contact.linkedin_url.is_some(),
            contact.social_urls.is_some(),
            contact.title.is_some(),
            contact.company.is_some(),
            contact.location.is_some(),
            contact.fields.is_some(),
            contact.owner_email.is_some(),
        ])
    }

    /// The latest stage and status as words of the contract, or as Dover put them where they are none.
    pub fn words(&self) -> (Option<String>, Option<String>) {
        let stage = self.stage.as_ref().map(|said| match &said.value.stage {
            Word::Known(stage) => stage.word().to_owned(),
            Word::Unknown(word) => word.clone(),
        });
        let status = self.status.as_ref().map(|said| match &said.value {
            Word::Known(status) => status.word().to_owned(),
            Word::Unknown(word) => word.clone(),
        });
        (stage, status)
    }

    /// When Dover last said anything of stage or status.
    pub fn said_at(&self) -> Option<DateTime<Utc>> {
        let stage = self.stage.as_ref().map(|said| said.stamp.at);
        let status = self.status.as_ref().map(|said| said.stamp.at);
        stage.max(status)
    }
}
