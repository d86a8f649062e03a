//! What a map asks for of one prospect: each field with the value that it is to have, in the shape that it takes.

use serde_json::{Value, json};

use super::{
    catalogue::{Catalogue, Field, Kind, Object},
    decide::{Said, Write},
    map::{Entry, FieldMap, Target},
    native::{Native, Portrait},
    shape::{self, Misfit},
    variable::{About, Variable},
};
use crate::plan::{reason::Reason, says::Dated};

/// A field that is to have a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which.
    pub target: Target,
    /// What people call it.
    pub title: String,
    /// Of what it is.
    pub object: Object,
    /// From which variable.
    pub variable: Variable,
    /// Whether it may be written.
    pub policy: Write,
    /// When Dover said so.
    pub said: Said,
    /// What, as Ashby takes it; or why it cannot be.
    pub value: Result<Value, Reason>,
    kind: Kind,
}

/// What a map asks for; of contact details only with `contact`.
pub fn due(map: &FieldMap, catalogue: &Catalogue, about: &About<'_>, contact: bool) -> Vec<Wanted> {
    let entries = map.in_force(catalogue).into_iter();
    let entries = entries.filter(|entry| entry.policy != Write::Never && map.shows(&entry.to));
    entries
        .flat_map(|entry| {
            let said = entry.variable.value(about);
            match (&entry.to, said) {
                (_, None) => Vec::new(),
                (Target::Native(_), Some(_)) if !contact => Vec::new(),
                (Target::Native(native), Some(said)) => of_native(&entry, *native, &said),
                (Target::Custom(id), Some(said)) => of_custom(&entry, catalogue.field(id), &said)
                    .into_iter()
                    .collect(),
            }
        })
        .collect()
}

fn of_native(entry: &Entry, native: Native, said: &Dated<Value>) -> Vec<Wanted> {
    let wanted = |value: Result<Value, Reason>| Wanted {
        target: entry.to.clone(),
        title: native.title().to_owned(),
        object: Object::Candidate,
        variable: entry.variable.clone(),
        policy: entry.policy,
        said: (said.stamp.at, said.stamp.arrival),
        value,
        kind: Kind::Text,
    };
    match native.fit(&said.value) {
        Ok(None) => Vec::new(),
        // Each by itself: a call adds one.
        Ok(Some(Value::Array(list))) => list.into_iter().map(|one| wanted(Ok(one))).collect(),
        Ok(Some(value)) => vec![wanted(Ok(value))],
        Err(misfit) => {
            let because = reason(misfit, entry, native.title());
            vec![wanted(Err(because))]
        }
    }
}

fn of_custom(entry: &Entry, field: Option<&Field>, said: &Dated<Value>) -> Option<Wanted> {
    let there = field.filter(|field| !field.is_archived);
    let there = there.and_then(|field| Some((field, field.object?)));
    let title = field.map_or_else(|| entry.to.to_string(), |field| field.title.clone());
    let value = match there {
        None => Err(Reason::FieldGone {
            variable: entry.variable.to_string(),
            field: title.clone(),
        }),
        Some((field, _)) => match shape::fit(&field.kind, &said.value) {
            Ok(value) => Ok(value?),
            Err(misfit) => Err(reason(misfit, entry, &title)),
        },
    };
    Some(Wanted {
        target: entry.to.clone(),
        title,
        object: there.map_or(Object::Candidate, |(_, object)| object),
        variable: entry.variable.clone(),
        policy: entry.policy,
        said: (said.stamp.at, said.stamp.arrival),
        value,
        kind: there.map_or(Kind::Text, |(field, _)| field.kind.clone()),
    })
}

fn reason(misfit: Misfit, entry: &Entry, field: &str) -> Reason {
    let (variable, field) = (entry.variable.to_string(), field.to_owned());
    match misfit {
        Misfit::Option { value, choices } => Reason::FieldOptionUnknown {
            variable,
            field,
            value,
            choices,
        },
        Misfit::Shape { expected } => Reason::FieldMisfit {
            variable,
            field,
            expected,
        },
    }
}

impl Wanted {
    /// A value of the field in the one form by which it is compared. `None`: it is blank.
    pub fn plain(&self, value: &Value) -> Option<Value> {
        match &self.target {
            Target::Native(native) => native.plain(value),
            Target::Custom(_) => shape::plain(&self.kind, value),
        }
    }

    /// What makes it another than the other addresses of a list that goes into the same field.
    pub fn part(&self) -> Option<Value> {
        match (&self.target, &self.value) {
            (Target::Native(Native::AlternateEmails), Ok(value)) => self.plain(value),
            _ => None,
        }
    }

    /// Whether what others put there stays whatever comes.
    pub const fn is_careful(&self) -> bool {
        matches!(&self.target, Target::Native(native) if native.is_link())
    }

    /// What a candidate's own fields hold where it goes, in the one form. `None`: nothing.
    pub fn held_by(&self, portrait: &Portrait) -> Option<Value> {
        let Target::Native(native) = &self.target else {
            return None;
        };
        let nothing = Value::Null;
        let wanted = self.value.as_ref().unwrap_or(&nothing);
        let held = portrait.holds(*native, wanted);
        // Further addresses are blank where there are none at all.
        let others = *native == Native::AlternateEmails
            && self.policy == Write::IfBlank
            && portrait.has_further_emails();
        held.or_else(|| others.then(|| json!("others")))
    }
}
