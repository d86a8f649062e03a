//! Reads the named fields of a body or a query, and gathers every fault on the way, so that a client mends them in one
//! go. Fields that nobody knows are faults too: a misspelt filter would list everything, a misspelt setting change
//! nothing.

use std::{fmt::Write, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::dover::payload::{Fault, edits};

/// How much of a foreign name a fault repeats, in characters.
const SHOWN: usize = 100;

/// What can be read out of named fields.
pub trait Readable: Sized {
    /// Every field that is known.
    const FIELDS: &'static [&'static str];

    /// What else a name may begin with, and anything may follow.
    const PREFIX: Option<&'static str> = None;

    /// Reads it. `None` once something that it cannot do without is missing or wrong; `fields` has the fault then.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// The fields of one request on their way to being read.
#[derive(Debug)]
pub struct Fields {
    given: Map<String, Value>,
    /// Whether everything is text, as in a query, numbers and flags as well.
    is_text: bool,
    faults: Vec<Fault>,
}

impl Fields {
    /// Reads `T` out of the fields of a JSON object.
    pub fn of_object<T: Readable>(object: Map<String, Value>) -> Result<T, Vec<Fault>> {
        Self::of(object, false).finish()
    }

    /// Reads `T` out of the pairs of a query.
    pub fn of_query<T: Readable>(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<T, Vec<Fault>> {
        let mut fields = Self::of(Map::new(), true);
        for (name, value) in pairs {
            if fields.given.contains_key(&name) {
                fields.fault(&name, "is given twice");
            } else {
                fields.given.insert(name, Value::String(value));
            }
        }
        fields.finish()
    }

    const fn of(given: Map<String, Value>, is_text: bool) -> Self {
        Self {
            given,
            is_text,
            faults: Vec::new(),
        }
    }

    fn finish<T: Readable>(mut self) -> Result<T, Vec<Fault>> {
        let unknown = self.given.keys();
        let unknown: Vec<_> = unknown
            .filter(|name| {
                let is_open = T::PREFIX.is_some_and(|prefix| name.starts_with(prefix));
                !is_open && !T::FIELDS.contains(&name.as_str())
            })
            .cloned()
            .collect();
        let read = T::read(&mut self);
        for name in unknown {
            self.fault(&name, stranger(&name, T::FIELDS));
        }
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(self.faults),
        }
    }

    /// Notes that something is wrong with a field.
    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        let pointer = format!("/{}", token(name));
        self.faults.push(Fault::new(pointer, detail));
    }

    /// Notes that something is wrong with all of it together.
    pub fn fault_whole(&mut self, detail: impl Into<String>) {
        self.faults.push(Fault::new("", detail));
    }

    /// Notes that something is wrong with an entry of a field that is an object.
    pub fn fault_within(&mut self, name: &str, entry: &str, detail: impl Into<String>) {
        let pointer = format!("/{}/{}", token(name), token(entry));
        self.faults.push(Fault::new(pointer, detail));
    }

    /// The value of a field. `null` counts as absent.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.given.remove(name).filter(|value| !value.is_null())
    }

    /// What is given under names that begin with a prefix: what follows it, and the value.
    pub fn beginning_with(&mut self, prefix: &str) -> Vec<(String, Value)> {
        let names: Vec<String> = self.given.keys().cloned().collect();
        let found = names.into_iter().filter_map(|name| {
            let rest = name.strip_prefix(prefix)?.to_owned();
            Some((rest, self.given.remove(&name)?))
        });
        found.collect()
    }

    /// The faults that were found so far, each to be found below `pointer`.
    pub fn adopt(&mut self, pointer: &str, faults: Vec<Fault>) {
        self.faults.extend(
            faults
                .into_iter()
                .map(|fault| Fault::new(format!("{pointer}{}", fault.pointer), fault.detail)),
        );
    }

    /// Whether a field is there and not `null`.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a field is there and `null`.
    pub fn is_null(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(Value::is_null)
    }

    /// A text of so many characters, without NUL, which Postgres does not take.
    pub fn text(&mut self, name: &str, length: &RangeInclusive<usize>) -> Option<String> {
        let fits = |text: &String| length.contains(&text.chars().count()) && !text.contains('\0');
        match self.value(name)? {
            Value::String(text) if fits(&text) => Some(text),
            _ => {
                self.fault(name, format!("expected {}", a_text(length)));
                None
            }
        }
    }

    /// A text that must be there.
    pub fn required_text(&mut self, name: &str, length: &RangeInclusive<usize>) -> Option<String> {
        self.require(name, &a_text(length))?;
        self.text(name, length)
    }

    /// A text that must be there and is not blank, taken exactly as it is.
    pub fn name(&mut self, name: &str, length: &RangeInclusive<usize>) -> Option<String> {
        let text = self.required_text(name, length)?;
        if text.trim().is_empty() {
            self.fault(name, "expected a text that is not blank");
            return None;
        }
        Some(text)
    }

    /// One of a closed set of words.
    pub fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.value(name)?;
        let said = value.as_str();
        let found = words.iter().find(|(word, _)| Some(*word) == said);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.fault(name, format!("expected one of {}", words.join(", ")));
        }
        found.map(|(_, meant)| *meant)
    }

    /// One of a closed set of words, which must be there.
    pub fn required_word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.require(name, &format!("one of {}", known.join(", ")))?;
        self.word(name, words)
    }

    /// Any of a closed set of words, each once.
    pub fn words(&mut self, name: &str, words: &[&str]) -> Option<Vec<String>> {
        let given = self.value(name)?;
        let Value::Array(given) = given else {
            self.fault(
                name,
                format!("expected a list of any of {}", words.join(", ")),
            );
            return None;
        };
        let mut said: Vec<String> = Vec::new();
        for (place, word) in given.iter().enumerate() {
            let wrong = match word.as_str() {
                Some(word) if said.iter().any(|other| other == word) => "is there twice".to_owned(),
                Some(word) if words.contains(&word) => {
                    said.push(word.to_owned());
                    continue;
                }
                Some(word) => stranger(word, words),
                None => format!("expected one of {}", words.join(", ")),
            };
            self.fault_within(name, &place.to_string(), wrong);
            return None;
        }
        Some(said)
    }

    /// A whole number.
    pub fn number(&mut self, name: &str, range: &RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(name)?;
        let number = match &value {
            Value::String(text) if self.is_text => text.parse().ok(),
            value => value.as_i64(),
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.fault(
                name,
                format!("expected a whole number from {least} to {most}"),
            );
        }
        number
    }

    /// A number, whole or not.
    pub fn decimal(&mut self, name: &str, range: &RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(name)?;
        let number = match &value {
            Value::String(text) if self.is_text => text.parse().ok(),
            value => value.as_f64(),
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.fault(name, format!("expected a number from {least} to {most}"));
        }
        number
    }

    /// A yes or no.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        let flag = match &value {
            Value::String(text) if self.is_text => text.parse().ok(),
            value => value.as_bool(),
        };
        if flag.is_none() {
            self.fault(name, "expected true or false");
        }
        flag
    }

    /// A moment with a zone.
    pub fn moment(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let value = self.value(name)?;
        let moment = value.as_str().map(DateTime::parse_from_rfc3339);
        if let Some(Ok(moment)) = moment {
            return Some(moment.to_utc());
        }
        self.fault(
            name,
            "expected an RFC 3339 time with a zone, such as 2026-11-21T09:59:58Z",
        );
        None
    }

    fn require(&mut self, name: &str, expected: &str) -> Option<()> {
        if self.is_given(name) {
            return Some(());
        }
        self.fault(name, format!("is required: expected {expected}"));
        None
    }
}

/// A name as a token of a JSON Pointer, not absurdly long.
fn token(name: &str) -> String {
    let name: String = name.chars().take(SHOWN).collect();
    name.replace('~', "~0").replace('/', "~1")
}

fn a_text(length: &RangeInclusive<usize>) -> String {
    let (least, most) = (length.start(), length.end());
    format!("a text of {least} to {most} characters, none of them NUL")
}

/// What to say of a name that nobody knows: the nearest of those that are known, and all of them.
pub fn stranger(name: &str, known: &[&str]) -> String {
    let shown: String = name.chars().take(SHOWN).collect();
    let mut said = format!("{shown:?} is not known here");
    if let Some(nearest) = known.iter().min_by_key(|known| edits(name, known)) {
        let _ = write!(
            said,
            "; did you mean {nearest:?}? Known are {}",
            known.join(", ")
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Order {
        dish: String,
        portions: Option<i64>,
        spicy: Option<bool>,
        side: Option<char>,
    }

    impl Readable for Order {
        const FIELDS: &'static [&'static str] = &["dish", "portions", "spicy", "side"];

        fn read(fields: &mut Fields) -> Option<Self> {
            let dish = fields.required_text("dish", &(1..=5));
            let portions = fields.number("portions", &(1..=9));
            let spicy = fields.flag("spicy");
            let side = fields.word("side", &[("rice", 'r'), ("bread", 'b')]);
            Some(Self {
                dish: dish?,
                portions,
                spicy,
                side,
            })
        }
    }

    fn order(object: Value) -> Result<Order, Vec<Fault>> {
        let Value::Object(object) = object else {
            panic!("{object} is no object")
        };
        Fields::of_object(object)
    }

    fn query(pairs: &[(&str, &str)]) -> Result<Order, Vec<Fault>> {
        Fields::of_query(
            pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        )
    }

    fn pointers(faults: &[Fault]) -> Vec<&str> {
        faults.iter().map(|fault| fault.pointer.as_str()).collect()
    }

    #[test]
    fn a_body_and_a_query_say_the_same() {
        let expected = Order {
            dish: "stew".to_owned(),
            portions: Some(2),
            spicy: Some(true),
            side: Some('r'),
        };
        let body = json!({"dish": "stew", "portions": 2, "spicy": true, "side": "rice"});
        assert_eq!(order(body).unwrap(), expected);
        let pairs = [
            ("dish", "stew"),
            ("portions", "2"),
            ("spicy", "true"),
            ("side", "rice"),
        ];
        assert_eq!(query(&pairs).unwrap(), expected);
    }

    #[test]
    fn null_counts_as_absent() {
        let read = order(json!({"dish": "stew", "portions": null, "spicy": null, "side": null}));
        assert_eq!(read.unwrap().portions, None);
        assert_eq!(
            pointers(&order(json!({"dish": null})).unwrap_err()),
            ["/dish"]
        );
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let body = json!({"portions": "2", "spicy": 1, "side": "stew", "dsih": "stew"});
        let faults = order(body).unwrap_err();
        assert_eq!(
            pointers(&faults),
            ["/dish", "/portions", "/spicy", "/side", "/dsih"]
        );
    }

    #[test]
    fn an_unknown_field_is_told_with_the_nearest_one() {
        let faults = order(json!({"dish": "stew", "potrions/s": 1})).unwrap_err();
        assert_eq!(pointers(&faults), ["/potrions~1s"]);
        assert!(
            faults[0].detail.contains("did you mean \"portions\"?"),
            "{faults:?}"
        );
    }

    #[test]
    fn texts_that_cannot_be_kept_are_refused() {
        for dish in [
            json!(""),
            json!("bouillabaisse"),
            json!("a\0b"),
            json!(7),
            json!(["stew"]),
        ] {
            assert_eq!(
                pointers(&order(json!({"dish": dish})).unwrap_err()),
                ["/dish"]
            );
        }
        // Characters count, not bytes.
        assert!(order(json!({"dish": "crème"})).is_ok());
    }

    #[test]
    fn a_parameter_counts_once() {
        let faults = query(&[("dish", "stew"), ("dish", "soup")]).unwrap_err();
        assert_eq!(pointers(&faults), ["/dish"]);
    }

    #[test]
    fn numbers_keep_to_their_range() {
        for portions in ["0", "10", "2.0", "two", "", "99999999999999999999"] {
            let faults = query(&[("dish", "stew"), ("portions", portions)]).unwrap_err();
            assert_eq!(pointers(&faults), ["/portions"], "{portions}");
        }
    }
}
