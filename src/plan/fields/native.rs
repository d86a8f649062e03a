//! The fields that every candidate in Ashby has: what goes into each, and what it holds.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    catalogue::Kind,
    shape::{self, Misfit, fit},
    variable::{Variable, is_blank},
};
use crate::plan::{
    identity::{linkedin_address, linkedin_slug},
    says::Location,
};

/// A field that every candidate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Native {
    /// The full name.
    #[serde(rename = "candidate.name")]
    Name,
    /// The primary e-mail address.
    #[serde(rename = "candidate.email")]
    Email,
    /// Further e-mail addresses: they are added, and none is taken away.
    #[serde(rename = "candidate.alternate_emails")]
    AlternateEmails,
    /// The telephone number.
    #[serde(rename = "candidate.phone")]
    Phone,
    /// The link to linkedin.com.
    #[serde(rename = "candidate.linkedin_url")]
    LinkedinUrl,
    /// The link to github.com.
    #[serde(rename = "candidate.github_url")]
    GithubUrl,
    /// The link to a site of their own.
    #[serde(rename = "candidate.website_url")]
    WebsiteUrl,
    /// Where they live.
    #[serde(rename = "candidate.location")]
    Location,
}

impl Native {
    /// Each with its word and what people call it.
    pub const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Name, "candidate.name", "Name"),
        (Self::Email, "candidate.email", "E-mail"),
        (
            Self::AlternateEmails,
            "candidate.alternate_emails",
            "Further e-mail addresses",
        ),
        (Self::Phone, "candidate.phone", "Phone"),
        (Self::LinkedinUrl, "candidate.linkedin_url", "LinkedIn"),
        (Self::GithubUrl, "candidate.github_url", "GitHub"),
        (Self::WebsiteUrl, "candidate.website_url", "Website"),
        (Self::Location, "candidate.location", "Location"),
    ];

    /// The one of that word.
    pub fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, known, _)| *known == word)
            .map(|(native, ..)| native)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (Self, &'static str, &'static str) {
        let mut all = Self::ALL.into_iter();
        all.find(|(native, ..)| *native == self)
            .expect("the table has every one")
    }

    /// Whether a person is known again by it. It is always given when they are created, whatever the map says: else a create
    /// whose answer was lost could not be looked for.
    pub const fn identifies(self) -> bool {
        matches!(self, Self::Name | Self::Email | Self::LinkedinUrl)
    }

    /// Whether it is a link to another site. Somebody else's is never replaced, not even by newer news.
    pub const fn is_link(self) -> bool {
        matches!(self, Self::LinkedinUrl | Self::GithubUrl | Self::WebsiteUrl)
    }

    /// Why a variable cannot go there. A place has parts, which no text has.
    pub fn refuses(self, variable: &Variable) -> Option<&'static str> {
        match (self, variable) {
            (Self::Location, Variable::Location) => None,
            (Self::Location, _) => Some("takes the variable location alone"),
            (Self::AlternateEmails, variable) if !variable.is_list() => {
                Some("takes a list: alternate_emails, or fields.<name>[]")
            }
            _ => None,
        }
    }

    /// What Dover says, as it takes it. `None`: Dover says nothing.
    pub fn fit(self, said: &Value) -> Result<Option<Value>, Misfit> {
        match self {
            Self::Name => fit(&Kind::Text, said),
            Self::Email => fit(&Kind::Email, said),
            Self::AlternateEmails => {
                let list = match said {
                    Value::Array(list) => list.iter().collect(),
                    one => vec![one],
                };
                let fitted = list.into_iter().map(|value| fit(&Kind::Email, value));
                let fitted: Vec<Option<Value>> = fitted.collect::<Result<_, _>>()?;
                let fitted: Vec<Value> = fitted.into_iter().flatten().collect();
                Ok((!fitted.is_empty()).then(|| Value::Array(fitted)))
            }
            Self::Phone => fit(&Kind::Phone, said),
            // One that names no profile is left out, as when somebody is created.
            Self::LinkedinUrl => {
                let slug = said.as_str().and_then(linkedin_slug);
                Ok(slug.map(|slug| json!(linkedin_address(&slug))))
            }
            Self::GithubUrl | Self::WebsiteUrl => {
                Ok(said.as_str().and_then(shape::web_address).map(Value::from))
            }
            Self::Location => Ok((!is_blank(said)).then(|| said.clone())),
        }
    }

    /// The one form of a value by which it is compared. `None`: it is blank.
    pub fn plain(self, value: &Value) -> Option<Value> {
        match self {
            Self::Name => shape::plain(&Kind::Text, value),
            Self::Email | Self::AlternateEmails => shape::plain(&Kind::Email, value),
            Self::Phone => shape::plain(&Kind::Phone, value),
            Self::LinkedinUrl => {
                let slug = value.as_str().and_then(linkedin_slug);
                slug.map(Value::from)
                    .or_else(|| shape::plain(&Kind::Url, value))
            }
            Self::GithubUrl | Self::WebsiteUrl => shape::plain(&Kind::Url, value),
            Self::Location => {
                let place: Location = serde_json::from_value(value.clone()).ok()?;
                let plain = |part: Option<String>| part.unwrap_or_default().trim().to_lowercase();
                let parts = [place.city, place.region, place.country].map(plain);
                parts
                    .iter()
                    .any(|part| !part.is_empty())
                    .then(|| json!(parts))
            }
        }
    }
}

impl fmt::Display for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What Ashby holds in the fields that every candidate has.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Portrait {
    /// The full name.
    pub name: Option<String>,
    /// The primary e-mail address.
    pub email: Option<String>,
    /// All e-mail addresses.
    pub emails: Vec<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// Links to linkedin.com.
    pub linkedin_urls: Vec<String>,
    /// Links to github.com.
    pub github_urls: Vec<String>,
    /// Links to sites of their own.
    pub website_urls: Vec<String>,
    /// Where they live.
    pub location: Option<Location>,
}

impl fmt::Debug for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Portrait(redacted)")
    }
}

impl Portrait {
    /// What one of the fields holds, in the form of [`Native::plain`]. Of several the one that is `wanted`, if it is among
    /// them; of further addresses only that one.
    pub fn holds(&self, native: Native, wanted: &Value) -> Option<Value> {
        let texts: Vec<&String> = match native {
            Native::Name => self.name.iter().collect(),
            Native::Email => self.email.iter().collect(),
            Native::AlternateEmails => self.emails.iter().collect(),
            Native::Phone => self.phone.iter().collect(),
            Native::LinkedinUrl => self.linkedin_urls.iter().collect(),
            Native::GithubUrl => self.github_urls.iter().collect(),
            Native::WebsiteUrl => self.website_urls.iter().collect(),
            Native::Location => {
                let place = self.location.as_ref();
                return place.and_then(|place| native.plain(&json!(place)));
            }
        };
        let mut held = texts
            .into_iter()
            .filter_map(|text| native.plain(&json!(text)));
        let wanted = native.plain(wanted);
        let all: Vec<Value> = held.by_ref().collect();
        if let Some(found) = all.iter().find(|held| Some(*held) == wanted.as_ref()) {
            return Some(found.clone());
        }
        match native {
            Native::AlternateEmails => None,
            _ => all.into_iter().next(),
        }
    }

    /// Whether there is any address but the primary one.
    pub fn has_further_emails(&self) -> bool {
        let primary = self.email.as_deref().unwrap_or_default();
        let mut others = self.emails.iter();
        others.any(|email| !email.eq_ignore_ascii_case(primary))
    }
}
