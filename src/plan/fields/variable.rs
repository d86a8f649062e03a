//! What Dover says of somebody, under the names by which a field map asks for it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::plan::says::{Contact, Dated, DoverSays, Location, Stamp};

/// What a field map takes a value from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Variable {
    /// Dover's id of the candidate.
    CandidateId,
    /// The full name.
    Name,
    /// The primary e-mail address.
    Email,
    /// Further e-mail addresses.
    AlternateEmails,
    /// The telephone number.
    Phone,
    /// The LinkedIn profile.
    LinkedinUrl,
    /// The profile on another site, by its name in lower case.
    SocialUrl(String),
    /// The current job title.
    Title,
    /// The current employer.
    Company,
    /// Where they live.
    Location,
    /// The city of that.
    City,
    /// Its region, state or county.
    Region,
    /// Its country.
    Country,
    /// Whatever else Dover knows, by name, as one value.
    Field(String),
    /// The same as a list.
    FieldList(String),
    /// Dover's id of the job.
    JobId,
    /// The title of the job, as it was registered.
    JobTitle,
    /// The e-mail address of who owns the candidate in Dover.
    OwnerEmail,
    /// The stage in Dover.
    Stage,
    /// The employer's own name of that stage.
    StageName,
    /// The status in Dover.
    Status,
    /// When Dover last said anything of stage or status.
    UpdatedAt,
}

/// Those without a name of their own in them.
const PLAIN: [(&str, Variable); 19] = [
    ("name", Variable::Name),
    ("email", Variable::Email),
    ("alternate_emails", Variable::AlternateEmails),
    ("phone", Variable::Phone),
    ("linkedin_url", Variable::LinkedinUrl),
    ("title", Variable::Title),
    ("company", Variable::Company),
    ("location", Variable::Location),
    ("location.city", Variable::City),
    ("location.region", Variable::Region),
    ("location.country", Variable::Country),
    ("candidate.id", Variable::CandidateId),
    ("job.id", Variable::JobId),
    ("job.title", Variable::JobTitle),
    ("owner.email", Variable::OwnerEmail),
    ("stage", Variable::Stage),
    ("stage_name", Variable::StageName),
    ("status", Variable::Status),
    ("updated_at", Variable::UpdatedAt),
];

/// The form of the others, as a text for people.
pub const NAMED: [&str; 3] = ["social_urls.<site>", "fields.<name>", "fields.<name>[]"];

/// A word that names no variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no variable of Dover's")]
pub struct NoVariable(pub String);

impl Variable {
    /// Every word that is one, but for those with a name of their own in them.
    pub fn words() -> impl Iterator<Item = &'static str> {
        PLAIN.iter().map(|(word, _)| *word)
    }

    /// The variable of that word.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some((_, plain)) = PLAIN.iter().find(|(known, _)| *known == word) {
            return Some(plain.clone());
        }
        let own = |prefix: &str| word.strip_prefix(prefix).filter(|name| !name.is_empty());
        if let Some(site) = own("social_urls.") {
            return Some(Self::SocialUrl(site.to_lowercase()));
        }
        let name = own("fields.")?;
        match name.strip_suffix("[]") {
            Some("") => None,
            Some(list) => Some(Self::FieldList(list.to_owned())),
            None => Some(Self::Field(name.to_owned())),
        }
    }

    /// Whether it is a list, which may go into several fields; any other goes into one.
    pub const fn is_list(&self) -> bool {
        matches!(self, Self::AlternateEmails | Self::FieldList(_))
    }

    /// Whether the service knows it of everybody, whatever Dover says.
    const fn is_always_there(&self) -> bool {
        matches!(self, Self::CandidateId | Self::JobId | Self::JobTitle)
    }

    /// Whether Dover has said it, and not left it blank.
    pub fn is_said(&self, dover: &DoverSays) -> bool {
        self.is_always_there() || self.said(dover).is_some()
    }

    /// What it comes to, and when Dover said so; `None` where Dover says nothing of it, or leaves it blank.
    pub fn value(&self, about: &About<'_>) -> Option<Dated<Value>> {
        // No news, ever: it outweighs nothing that anybody wrote since.
        let fixed = |text: &str| {
            let stamp = Stamp {
                at: chrono::DateTime::UNIX_EPOCH,
                arrival: 0,
                claimed: None,
            };
            (!text.is_empty()).then(|| Dated::new(json!(text), stamp))
        };
        match self {
            Self::CandidateId => fixed(about.candidate),
            Self::JobId => fixed(about.job),
            Self::JobTitle => fixed(about.job_title),
            _ => self.said(about.dover),
        }
    }

    /// The same of those that Dover says.
    pub(in crate::plan) fn said(&self, dover: &DoverSays) -> Option<Dated<Value>> {
        let contact = &dover.contact;
        let said = match self {
            Self::CandidateId | Self::JobId | Self::JobTitle => None,
            Self::Name => text(contact.name.as_ref()),
            Self::Email => text(contact.email.as_ref()),
            Self::AlternateEmails => {
                of(contact.alternate_emails.as_ref(), |list| Some(json!(list)))
            }
            Self::Phone => text(contact.phone.as_ref()),
            Self::LinkedinUrl => text(contact.linkedin_url.as_ref()),
            Self::SocialUrl(site) => of(contact.social_urls.as_ref(), |urls| {
                let mut urls = urls.iter();
                let found = urls.find(|(known, _)| known.eq_ignore_ascii_case(site));
                found.map(|(_, url)| json!(url))
            }),
            Self::Title => text(contact.title.as_ref()),
            Self::Company => text(contact.company.as_ref()),
            Self::Location => of(contact.location.as_ref(), |place| Some(json!(place))),
            Self::City => part(contact, |place| place.city.as_ref()),
            Self::Region => part(contact, |place| place.region.as_ref()),
            Self::Country => part(contact, |place| place.country.as_ref()),
            Self::Field(name) | Self::FieldList(name) => {
                of(contact.fields.as_ref(), |fields| fields.get(name).cloned())
            }
            Self::OwnerEmail => text(contact.owner_email.as_ref()),
            Self::Stage => {
                let (stage, _) = dover.words();
                of(dover.stage.as_ref(), |_| stage.map(Value::from))
            }
            Self::StageName => of(dover.stage.as_ref(), |said| {
                said.name.as_ref().map(|name| json!(name))
            }),
            Self::Status => {
                let (_, status) = dover.words();
                of(dover.status.as_ref(), |_| status.map(Value::from))
            }
            Self::UpdatedAt => {
                let stage = dover.stage.as_ref().map(|said| said.stamp);
                let stamp = stage.max(dover.status.as_ref().map(|said| said.stamp))?;
                Some(Dated::new(json!(stamp.at), stamp))
            }
        };
        said.filter(|said| !is_blank(&said.value))
    }
}

/// Whether a value says nothing: nothing is ever emptied because of it.
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.iter().all(is_blank),
        Value::Object(object) => object.values().all(is_blank),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whom variables are asked of.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What Dover says.
    pub dover: &'a DoverSays,
    /// Dover's id of the candidate.
    pub candidate: &'a str,
    /// Dover's id of the job.
    pub job: &'a str,
    /// The title of the job.
    pub job_title: &'a str,
}

fn of<T>(said: Option<&Dated<T>>, value: impl FnOnce(&T) -> Option<Value>) -> Option<Dated<Value>> {
    let said = said?;
    Some(Dated::new(value(&said.value)?, said.stamp))
}

fn text(said: Option<&Dated<String>>) -> Option<Dated<Value>> {
    of(said, |text| Some(json!(text)))
}

fn part(contact: &Contact, part: fn(&Location) -> Option<&String>) -> Option<Dated<Value>> {
    of(contact.location.as_ref(), |place| {
        part(place).map(|name| json!(name))
    })
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SocialUrl(site) => write!(f, "social_urls.{site}"),
            Self::Field(name) => write!(f, "fields.{name}"),
            Self::FieldList(name) => write!(f, "fields.{name}[]"),
            plain => {
                let found = PLAIN.iter().find(|(_, known)| known == plain);
                f.write_str(found.map_or("", |(word, _)| word))
            }
        }
    }
}

impl TryFrom<String> for Variable {
    type Error = NoVariable;

    fn try_from(word: String) -> Result<Self, NoVariable> {
        Self::parse(&word).ok_or(NoVariable(word))
    }
}

impl From<Variable> for String {
    fn from(variable: Variable) -> Self {
        variable.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_as_it_is_written() {
        let named = ["social_urls.github", "fields.seniority", "fields.skills[]"];
        for word in Variable::words().chain(named) {
            let variable = Variable::parse(word).unwrap();
            assert_eq!(variable.to_string(), word);
        }
        for word in ["", "Name", "fields", "fields.", "fields.[]", "social_urls."] {
            assert_eq!(Variable::parse(word), None, "{word}");
        }
        let lists: Vec<_> = Variable::words()
            .filter(|word| Variable::parse(word).unwrap().is_list())
            .collect();
        assert_eq!(lists, ["alternate_emails"]);
    }

    #[test]
    fn what_is_blank_is_not_said() {
        for blank in [
            json!(null),
            json!(" "),
            json!([]),
            json!(["", null]),
            json!({"city": ""}),
        ] {
            assert!(is_blank(&blank), "{blank}");
        }
        for said in [json!(false), json!(0), json!(["", "x"])] {
            assert!(!is_blank(&said), "{said}");
        }
    }
}
