//! Requests, checked against what each endpoint declares: which fields, of which kind, which required.
//!
//! Ashby validates by schema since June 2026 and coerces `"true"` and `"25"` where a boolean or an integer belongs.
//! Whether it minds unknown keys nobody has said; here that is a switch, and the default is to refuse them, for the
//! simulator's main use is to find a misspelt one.

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::answer::Refusal;

/// What a field must hold.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A UUID in its hyphenated form.
    Id,
    /// A UUID, or null to clear.
    NullableId,
    /// A UUID, or the word that stands for the first stage where people are looked at.
    StageChoice,
    /// A string that is not blank.
    Text,
    /// A string or null: cursors and sync tokens, for which null means none.
    Token,
    /// An absolute URL.
    Url,
    /// A moment as RFC 3339.
    Instant,
    /// True or false.
    Flag,
    /// An integer.
    Whole,
    /// The size of a page: 1 to 100.
    Limit,
    /// One of these words, case and all.
    OneOf(&'static [&'static str]),
    /// An array of these words.
    AnyOf(&'static [&'static str]),
    /// An array of strings.
    Texts,
    /// An object with these fields.
    Object(&'static [Field]),
    /// An array of objects with these fields.
    Objects(&'static [Field]),
    /// Checked by the endpoint itself.
    Anything,
}

/// A field that an endpoint takes.
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
}

/// A field that must be there.
pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
    }
}

/// A field that may be there.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
    }
}

/// Fields that were checked, so that reading them cannot fail.
#[derive(Debug, Default)]
pub(crate) struct Input(Map<String, Value>);

impl Input {
    /// Checks `body` against `fields`, coercing where Ashby does.
    pub(crate) fn check(
        body: &Value,
        fields: &[Field],
        unknown_keys_refused: bool,
    ) -> Result<Self, Refusal> {
        check_object(body, fields, unknown_keys_refused, "").map(Self)
    }

    /// Whether the field was given, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The field as it is.
    pub(crate) fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name)?.as_str()
    }

    /// An id; none where the field is absent or null.
    pub(crate) fn id(&self, name: &str) -> Option<Uuid> {
        self.text(name)?.parse().ok()
    }

    /// An id that the endpoint declares as required.
    pub(crate) fn required_id(&self, name: &str) -> Uuid {
        self.id(name)
            .expect("a field declared as a required id was checked to be one")
    }

    /// True or false; false where the field is absent.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.raw(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An integer.
    pub(crate) fn whole(&self, name: &str) -> Option<i64> {
        self.raw(name)?.as_i64()
    }

    /// A moment, to the millisecond: Ashby keeps no more.
    pub(crate) fn instant(&self, name: &str) -> Option<DateTime<Utc>> {
        parse_instant(self.text(name)?)
    }

    /// A moment given as milliseconds since 1970.
    pub(crate) fn epoch_millis(&self, name: &str) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.whole(name)?)
    }

    /// The strings of an array; none where the field is absent.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        let values = self.raw(name).and_then(Value::as_array);
        values
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// An object inside.
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        self.raw(name)?.as_object().cloned().map(Self)
    }

    /// The objects of an array; none where the field is absent.
    pub(crate) fn objects(&self, name: &str) -> Vec<Self> {
        let values = self.raw(name).and_then(Value::as_array);
        values
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(|object| Self(object.clone()))
            .collect()
    }
}

fn check_object(
    body: &Value,
    fields: &[Field],
    unknown_keys_refused: bool,
    path: &str,
) -> Result<Map<String, Value>, Refusal> {
    let Some(given) = body.as_object() else {
        return Err(wrong(path, "expected an object"));
    };
    for field in fields.iter().filter(|field| field.required) {
        if !given.contains_key(field.name) {
            return Err(wrong(&join(path, field.name), "required"));
        }
    }
    let mut checked = Map::new();
    for (name, value) in given {
        let path = join(path, name);
        match fields.iter().find(|field| field.name == name) {
            Some(field) => {
                let value = check_value(value, field.kind, unknown_keys_refused, &path)?;
                checked.insert(name.clone(), value);
            }
            None if unknown_keys_refused => return Err(wrong(&path, "unrecognized key")),
            None => {}
        }
    }
    Ok(checked)
}

fn check_value(
    value: &Value,
    kind: Kind,
    unknown_keys_refused: bool,
    path: &str,
) -> Result<Value, Refusal> {
    let expect = |holds: bool, what: &str| {
        if holds {
            Ok(value.clone())
        } else {
            Err(wrong(path, what))
        }
    };
    let text = value.as_str();
    let strings = |allowed: &dyn Fn(&str) -> bool| {
        value.as_array().is_some_and(|values| {
            values
                .iter()
                .all(|value| value.as_str().is_some_and(allowed))
        })
    };
    match kind {
        Kind::Id => expect(is_id(text), "expected a UUID"),
        Kind::NullableId => expect(value.is_null() || is_id(text), "expected a UUID or null"),
        Kind::StageChoice => expect(
            is_id(text) || text == Some(FIRST_PRE_INTERVIEW_SCREEN),
            "expected a UUID or \"FirstPreInterviewScreen\"",
        ),
        Kind::Text => expect(
            text.is_some_and(|text| !text.trim().is_empty()),
            "expected a string that is not blank",
        ),
        Kind::Token => expect(value.is_null() || text.is_some(), "expected a string"),
        Kind::Url => expect(
            text.is_some_and(|text| url::Url::parse(text).is_ok_and(|url| url.has_host())),
            "expected a URL with its scheme",
        ),
        Kind::Instant => expect(
            text.is_some_and(|text| parse_instant(text).is_some()),
            "expected an ISO 8601 date and time",
        ),
        Kind::Flag => coerce_flag(value).ok_or_else(|| wrong(path, "expected a boolean")),
        Kind::Whole => coerce_whole(value)
            .map(Value::from)
            .ok_or_else(|| wrong(path, "expected an integer")),
        Kind::Limit => coerce_whole(value)
            .filter(|limit| (1..=100).contains(limit))
            .map(Value::from)
            .ok_or_else(|| wrong(path, "expected an integer from 1 to 100")),
        Kind::OneOf(words) => expect(
            text.is_some_and(|text| words.contains(&text)),
            &format!("expected one of {}", words.join(", ")),
        ),
        Kind::AnyOf(words) => expect(
            strings(&|text| words.contains(&text)),
            &format!("expected an array of {}", words.join(", ")),
        ),
        Kind::Texts => expect(strings(&|_| true), "expected an array of strings"),
        Kind::Object(fields) => {
            check_object(value, fields, unknown_keys_refused, path).map(Value::Object)
        }
        Kind::Objects(fields) => {
            let Some(values) = value.as_array() else {
                return Err(wrong(path, "expected an array"));
            };
            let objects = values.iter().enumerate().map(|(place, value)| {
                let path = format!("{path}[{place}]");
                check_object(value, fields, unknown_keys_refused, &path).map(Value::Object)
            });
            objects.collect()
        }
        Kind::Anything => Ok(value.clone()),
    }
}

/// The word that `application.create` takes in place of a stage's id.
pub(crate) const FIRST_PRE_INTERVIEW_SCREEN: &str = "FirstPreInterviewScreen";

/// Only the hyphenated form: the others that a UUID can be read from are no UUIDs to Ashby.
fn is_id(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.len() == 36 && Uuid::parse_str(text).is_ok())
}

fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.to_utc().trunc_subsecs(3))
}

fn coerce_flag(value: &Value) -> Option<Value> {
    let flag = match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(Value::Bool(flag))
}

fn coerce_whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn wrong(path: &str, what: &str) -> Refusal {
    let place = if path.is_empty() { "body" } else { path };
    Refusal {
        parameter: Some(place.to_owned()),
        ..Refusal::invalid(format!("{place}: {what}"))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
