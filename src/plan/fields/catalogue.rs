//! The custom fields of an employer's Ashby, as far as a candidate or an application has them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::FieldId;

/// Of what a field is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = FieldObject)]
pub enum Object {
    /// The person.
    Candidate,
    /// Their application for the job.
    Application,
}

impl Object {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Application => "application",
        }
    }
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "of")]
pub enum Kind {
    /// Text, of one line or several.
    Text,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// The address of a page.
    Url,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// A moment.
    Date,
    /// One of the options.
    Select(Vec<Choice>),
    /// Any of the options.
    MultiSelect(Vec<Choice>),
    /// A type that nothing is written to: its name in Ashby.
    Other(String),
}

impl Kind {
    /// What can be chosen now.
    pub fn choices(&self) -> impl Iterator<Item = &Choice> {
        let all = match self {
            Self::Select(choices) | Self::MultiSelect(choices) => choices.as_slice(),
            _ => &[],
        };
        all.iter().filter(|choice| !choice.is_archived)
    }
}

/// As a text for people: what it takes.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Email => "an e-mail address",
            Self::Phone => "a telephone number",
            Self::Url => "the address of a page",
            Self::Number => "a number",
            Self::Boolean => "yes or no",
            Self::Date => "a date",
            Self::Select(_) => "one of its options",
            Self::MultiSelect(_) => "any of its options",
            Self::Other(name) => name,
        })
    }
}

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What Ashby keeps.
    pub value: String,
    /// What people see.
    pub label: String,
    /// Whether an admin has put it away.
    #[serde(default)]
    pub is_archived: bool,
}

/// A custom field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its id.
    pub id: FieldId,
    /// Its title.
    pub title: String,
    /// Of what. `None`: of something that is not written to, such as a job; its name in Ashby is in `of_other`.
    pub object: Option<Object>,
    /// What it is of, where that is neither a candidate nor an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_other: Option<String>,
    /// What it takes.
    pub kind: Kind,
    /// Whether an admin has put it away.
    #[serde(default)]
    pub is_archived: bool,
}

/// Every custom field, as last read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Catalogue(pub Vec<Field>);

impl Catalogue {
    /// The field of that id, archived or not.
    pub fn field(&self, id: &FieldId) -> Option<&Field> {
        self.0.iter().find(|field| field.id == *id)
    }

    /// Those that can be written to.
    pub fn writable(&self) -> impl Iterator<Item = &Field> {
        let there = self.0.iter().filter(|field| !field.is_archived);
        there.filter(|field| field.object.is_some() && !matches!(field.kind, Kind::Other(_)))
    }

    /// The one text field of that title that a candidate has.
    pub fn text_of_candidate(&self, title: &str) -> Option<&Field> {
        let is_it = |field: &&Field| {
            field.object == Some(Object::Candidate)
                && field.kind == Kind::Text
                && is_titled(field, title)
        };
        let mut titled = self.writable().filter(is_it);
        titled.next().filter(|_| titled.next().is_none())
    }
}

/// Whether a field has that title, whatever the capitals.
pub fn is_titled(field: &Field, title: &str) -> bool {
    field.title.trim().to_lowercase() == title.trim().to_lowercase()
}
