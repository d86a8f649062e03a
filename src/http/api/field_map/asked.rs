//! A field map as it is given: read word by word, each fault with its place and what is known there.

use serde_json::{Map, Value, json};

use crate::{
    dover::payload::edits,
    http::fields::{Fields, Readable},
    plan::fields::{
        Write,
        variable::{NAMED, Variable},
    },
};

/// How many entries a map, and how many names a list, may have.
const MAX_ENTRIES: usize = 500;
/// As long as a title in Ashby may be, and more than an id.
const MAX_WORD: usize = 1_000;

/// A whole field map, as the settings that it is kept under take its parts: entries, mandatory, displayed, filterable; null
/// where one was left out.
#[derive(Debug)]
pub struct Asked(pub [Value; 4]);

impl Readable for Asked {
    const FIELDS: &'static [&'static str] = &["entries", "mandatory", "displayed", "filterable"];

    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self([
            entries(fields),
            words(fields, "mandatory", variable),
            words(fields, "displayed", |_| Ok(())),
            words(fields, "filterable", filterable),
        ]))
    }
}

/// One entry.
struct AskedEntry(Value);

impl Readable for AskedEntry {
    const FIELDS: &'static [&'static str] = &["variable", "to", "policy"];

    fn read(fields: &mut Fields) -> Option<Self> {
        let length = 1..=MAX_WORD;
        let word = fields.required_text("variable", &length);
        let to = fields.required_text("to", &length);
        let policy = fields.word("policy", &Write::WORDS);
        let word = word?;
        if let Err(detail) = variable(&word) {
            fields.fault("variable", detail);
            return None;
        }
        let policy = policy.unwrap_or(Write::Always);
        Some(Self(
            json!({ "variable": word, "to": to?, "policy": policy }),
        ))
    }
}

fn entries(fields: &mut Fields) -> Value {
    let Some(given) = list(fields, "entries") else {
        return Value::Null;
    };
    let mut entries = Vec::new();
    for (at, entry) in given.into_iter().enumerate() {
        let Value::Object(entry) = entry else {
            let expected = "expected an object: variable, to and policy";
            fields.fault_within("entries", &at.to_string(), expected);
            continue;
        };
        let entry: Map<String, Value> = entry;
        match Fields::of_object::<AskedEntry>(entry) {
            Ok(entry) => entries.push(entry.0),
            Err(faults) => fields.adopt(&format!("/entries/{at}"), faults),
        }
    }
    Value::Array(entries)
}

fn words(fields: &mut Fields, name: &str, check: fn(&str) -> Result<(), String>) -> Value {
    let Some(given) = list(fields, name) else {
        return Value::Null;
    };
    let mut words: Vec<String> = Vec::new();
    for (at, value) in given.iter().enumerate() {
        let at = at.to_string();
        let fits =
            |word: &&str| (1..=MAX_WORD).contains(&word.chars().count()) && !word.contains('\0');
        let Some(word) = value.as_str().filter(fits) else {
            let expected = format!("expected a text of 1 to {MAX_WORD} characters");
            fields.fault_within(name, &at, expected);
            continue;
        };
        if let Err(detail) = check(word) {
            fields.fault_within(name, &at, detail);
        } else if words.iter().any(|known| known == word) {
            fields.fault_within(name, &at, "is there twice");
        } else {
            words.push(word.to_owned());
        }
    }
    json!(words)
}

fn list(fields: &mut Fields, name: &str) -> Option<Vec<Value>> {
    match fields.value(name)? {
        Value::Array(list) if list.len() <= MAX_ENTRIES => Some(list),
        _ => {
            fields.fault(name, format!("expected a list of at most {MAX_ENTRIES}"));
            None
        }
    }
}

fn variable(word: &str) -> Result<(), String> {
    if Variable::parse(word).is_some() {
        return Ok(());
    }
    let known = || Variable::words().chain(NAMED);
    let nearest = known().min_by_key(|known| edits(word, known));
    let nearest = nearest.map(|nearest| format!("; did you mean {nearest:?}?"));
    let known: Vec<_> = known().collect();
    Err(format!(
        "is no variable of Dover's{} Known are {}",
        nearest.unwrap_or_default(),
        known.join(", ")
    ))
}

fn filterable(word: &str) -> Result<(), String> {
    match Variable::parse(word) {
        Some(Variable::Field(_)) => Ok(()),
        _ => Err("expected fields.<name>: prospects are listed by what Dover knows beside contact details".to_owned()),
    }
}
