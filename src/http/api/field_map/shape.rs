//! How the field map is described and shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::WhatIfBody;
use crate::{
    plan::fields::{
        Catalogue, Entry, Field, Native, Object as FieldObject, Target, Write,
        catalogue::Kind,
        named,
        variable::{NAMED, Variable},
    },
    sync::fields::Shown,
};

/// What to set.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FieldMapChange)]
pub struct FieldMapChange {
    /// What goes where. A default holds where neither its variable nor its field is among these; to switch one off, give it
    /// here with the policy `never`.
    #[schema(max_items = 500, nullable)]
    #[serde(default)]
    pub entries: Option<Vec<EntryChange>>,
    /// Variables that must be there before anybody is added to a job. Whoever lacks one waits (`mandatory-field-missing`).
    #[schema(max_items = 500, nullable)]
    #[serde(default)]
    pub mandatory: Option<Vec<String>>,
    /// The only fields that may be written. Left out, all of the map are. Name, e-mail address and LinkedIn profile are given
    /// whenever somebody is created, for by these they are known again.
    #[schema(max_items = 500, nullable)]
    #[serde(default)]
    pub displayed: Option<Vec<String>>,
    /// `fields.<name>` by which prospects can be listed: `…/prospects?field.<name>=…`.
    #[schema(max_items = 500, nullable)]
    #[serde(default)]
    pub filterable: Option<Vec<String>>,
}

/// Where a variable is to go.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FieldMapEntryChange)]
pub struct EntryChange {
    /// The variable of Dover's. One with `[]` is a list, which may go into several fields; any other goes into one.
    #[schema(min_length = 1, max_length = 1000, example = "fields.seniority")]
    pub variable: String,
    /// The field: a word such as `candidate.phone`, or the id or the title of a custom field.
    #[schema(min_length = 1, max_length = 1000, example = "Seniority")]
    pub to: String,
    /// Whether it is written; `always` unless given.
    #[serde(default = "always")]
    pub policy: Write,
}

const fn always() -> Write {
    Write::Always
}

/// The field map of a connection.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FieldMap)]
pub struct FieldMapBody {
    /// Every entry in force, those that were set first.
    pub entries: Vec<EntryBody>,
    /// Variables that must be there before anybody is added to a job.
    pub mandatory: Vec<String>,
    /// The only fields that may be written; `null` where all of the map are.
    #[schema(required)]
    pub displayed: Option<Vec<String>>,
    /// Variables by which prospects can be listed.
    pub filterable: Vec<String>,
    /// The variables that there are.
    pub variables: Vec<String>,
    /// The fields that there are.
    pub fields: Vec<FieldBody>,
    /// When custom fields were last read from Ashby; `null` before the first time.
    #[schema(required)]
    pub fields_read_at: Option<DateTime<Utc>>,
    /// Whether a part of it is locked.
    pub locked: bool,
    /// Its last change; `null` where there was none.
    #[schema(required)]
    pub last_change: Option<FieldMapChanged>,
    /// What Dover says and goes nowhere as things are.
    pub warnings: Vec<String>,
    /// What the next flush would do differently; only of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub preview: Option<WhatIfBody>,
}

/// The last change of a field map.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldMapChanged {
    /// When.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub by: String,
}

/// An entry in force.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FieldMapEntry)]
pub struct EntryBody {
    /// The variable of Dover's.
    pub variable: String,
    /// The field: its word, or its id.
    pub to: String,
    /// What people call it.
    pub title: String,
    /// Whether it is written.
    pub policy: Write,
    /// Whether it was set, and does not merely hold by default.
    pub set: bool,
    /// Why nothing can be written to it as things are; `null` where all is well.
    #[schema(required)]
    pub trouble: Option<String>,
}

/// A field that a map may name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = MappableField)]
pub struct FieldBody {
    /// Its word, or its id.
    pub to: String,
    /// What people call it.
    pub title: String,
    /// Of what it is.
    pub object: FieldObject,
    /// What it takes.
    pub takes: String,
    /// What can be chosen in it: none where it does not choose.
    pub options: Vec<String>,
}

impl FieldMapBody {
    pub(super) fn of(shown: &Shown) -> Self {
        let (map, catalogue) = (&shown.map, &shown.catalogue);
        let entries = map.in_force(catalogue);
        let set = map.entries.len();
        let entries = entries.iter().enumerate();
        let words = |variables: &[Variable]| variables.iter().map(ToString::to_string).collect();
        let displayed = map.displayed.as_ref();
        let last_change = shown.changed.as_ref().map(|changed| FieldMapChanged {
            at: changed.at,
            by: changed.by.clone(),
        });
        Self {
            entries: entries
                .map(|(at, entry)| EntryBody::of(entry, at < set, shown))
                .collect(),
            mandatory: words(&map.mandatory),
            displayed: displayed.map(|fields| fields.iter().map(ToString::to_string).collect()),
            filterable: words(&map.filterable),
            variables: Variable::words().chain(NAMED).map(str::to_owned).collect(),
            fields: fields(catalogue),
            fields_read_at: shown.read_at,
            locked: shown.is_locked,
            last_change,
            warnings: shown.homeless().iter().map(homeless).collect(),
            preview: None,
        }
    }
}

fn homeless(variable: &Variable) -> String {
    format!(
        "Dover's {variable} goes nowhere: it is in no entry, no text field of candidates in Ashby is called so, and no notes are written. Add such a field, make an entry, or set notes.on: then it stands in the first note."
    )
}

impl EntryBody {
    fn of(entry: &Entry, set: bool, shown: &Shown) -> Self {
        let there = match &entry.to {
            Target::Native(_) => true,
            Target::Custom(id) => shown.catalogue.writable().any(|field| field.id == *id),
        };
        let trouble = match (there, shown.map.shows(&entry.to)) {
            (false, _) => Some("The field was archived in Ashby, or is no longer there."),
            (true, false) => Some("The field is not among those that are displayed."),
            (true, true) => None,
        };
        Self {
            variable: entry.variable.to_string(),
            to: entry.to.to_string(),
            title: named(&entry.to, &shown.catalogue),
            policy: entry.policy,
            set,
            trouble: trouble.map(str::to_owned),
        }
    }
}

fn fields(catalogue: &Catalogue) -> Vec<FieldBody> {
    let natives = Native::ALL
        .into_iter()
        .map(|(native, word, title)| FieldBody {
            to: word.to_owned(),
            title: title.to_owned(),
            object: FieldObject::Candidate,
            takes: takes(native).to_string(),
            options: Vec::new(),
        });
    let custom = catalogue.writable().filter_map(|field: &Field| {
        let choices = field.kind.choices().map(|choice| choice.label.clone());
        Some(FieldBody {
            to: field.id.to_string(),
            title: field.title.clone(),
            object: field.object?,
            takes: field.kind.to_string(),
            options: choices.collect(),
        })
    });
    natives.chain(custom).collect()
}

fn takes(native: Native) -> Kind {
    match native {
        Native::Name => Kind::Text,
        Native::Email => Kind::Email,
        Native::AlternateEmails => Kind::Other("e-mail addresses, added to those there".to_owned()),
        Native::Phone => Kind::Phone,
        Native::LinkedinUrl | Native::GithubUrl | Native::WebsiteUrl => Kind::Url,
        Native::Location => Kind::Other("a place".to_owned()),
    }
}
