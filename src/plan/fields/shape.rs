//! The shape that a field wants its value in, and when two values are the same.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Number, Value, json};
use url::Url;

use super::{catalogue::Kind, variable::is_blank};

/// How a value does not fit a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is none of the options.
    Option {
        /// What Dover says.
        value: String,
        /// What there is to choose.
        choices: Vec<String>,
    },
    /// It is something else than the field takes.
    Shape {
        /// What the field takes.
        expected: String,
    },
}

/// What Dover says, as a field of that kind takes it. `None`: Dover says nothing.
pub fn fit(kind: &Kind, said: &Value) -> Result<Option<Value>, Misfit> {
    if is_blank(said) {
        return Ok(None);
    }
    let fitted = match kind {
        Kind::Text | Kind::Phone => text(said).map(Value::from),
        Kind::Email => text(said).filter(|text| is_email(text)).map(Value::from),
        Kind::Url => text(said)
            .and_then(|text| web_address(&text))
            .map(Value::from),
        Kind::Number => number(said).map(Value::Number),
        Kind::Boolean => flag(said).map(Value::Bool),
        Kind::Date => text(said).and_then(|text| moment(&text)).map(Value::from),
        Kind::Select(_) => match &said {
            Value::Array(list) if list.len() > 1 => None,
            _ => Some(json!(option(kind, &one(said).ok_or_else(|| wants(kind))?)?)),
        },
        Kind::MultiSelect(_) => Some(options(kind, said)?),
        Kind::Other(_) => None,
    };
    fitted.map(Some).ok_or_else(|| wants(kind))
}

fn wants(kind: &Kind) -> Misfit {
    Misfit::Shape {
        expected: kind.to_string(),
    }
}

/// The one form of a value by which it is compared: what Ashby shows of a field against what is to be there. `None`: it is
/// blank.
pub fn plain(kind: &Kind, value: &Value) -> Option<Value> {
    if is_blank(value) {
        return None;
    }
    let known = match kind {
        Kind::Text | Kind::Select(_) | Kind::Other(_) => None,
        Kind::Email => value.as_str().map(|text| json!(text.trim().to_lowercase())),
        Kind::Phone => value.as_str().map(|text| json!(digits(text))),
        Kind::Url => value.as_str().map(|text| json!(plain_address(text))),
        Kind::Number => number(value).map(Value::Number),
        Kind::Boolean => flag(value).map(Value::Bool),
        Kind::Date => value.as_str().and_then(moment).map(Value::from),
        Kind::MultiSelect(_) => value.as_array().map(|list| {
            let mut chosen: Vec<String> = list.iter().filter_map(one).collect();
            chosen.sort();
            chosen.dedup();
            json!(chosen)
        }),
    };
    let as_it_is = || match value {
        Value::String(text) => json!(text.trim()),
        other => other.clone(),
    };
    Some(known.unwrap_or_else(as_it_is))
}

/// One value as text.
fn one(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(if *flag { "Yes" } else { "No" }.to_owned()),
        Value::Array(list) => match list.as_slice() {
            [only] => one(only),
            _ => None,
        },
        Value::Null | Value::Object(_) => None,
    }
}

/// Any value as text; of a list all that there is, and of a place its parts.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) => {
            let said = list.iter().filter(|value| !is_blank(value));
            let texts: Option<Vec<String>> = said.map(one).collect();
            texts.map(|texts| texts.join(", "))
        }
        Value::Object(parts) => {
            let known = ["city", "region", "country"];
            let is_place = parts.keys().all(|key| known.contains(&key.as_str()));
            let parts = known.iter().filter_map(|key| parts.get(*key)?.as_str());
            is_place.then(|| parts.collect::<Vec<_>>().join(", "))
        }
        value => one(value),
    }
}

fn is_email(text: &str) -> bool {
    let mut parts = text.split('@');
    let (name, host, rest) = (parts.next(), parts.next(), parts.next());
    let is_there = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
    is_there(name) && is_there(host) && rest.is_none() && !text.contains(char::is_whitespace)
}

/// An address with its scheme, as Ashby wants it. `None`: it is none of a page.
pub fn web_address(text: &str) -> Option<String> {
    let text = text.trim();
    let absolute = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&absolute).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| host.contains('.'));
    is_web.then(|| url.into())
}

/// An address without what does not matter: the scheme, `www.` and a slash at the end.
pub fn plain_address(text: &str) -> String {
    let address = web_address(text).unwrap_or_else(|| text.trim().to_owned());
    let address = address
        .split_once("://")
        .map_or(&*address, |(_, rest)| rest);
    let address = address.strip_prefix("www.").unwrap_or(address);
    address.trim_end_matches('/').to_owned()
}

/// A telephone number without what does not matter.
pub fn digits(text: &str) -> String {
    let plain: String = text.chars().filter(char::is_ascii_digit).collect();
    if plain.is_empty() {
        text.trim().to_owned()
    } else {
        plain
    }
}

/// A number, whole where it is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole numbers below 2^53 are the same both ways"
)]
fn number(value: &Value) -> Option<Number> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !number.is_finite() {
        return None;
    }
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A moment in the one form that we write; of a day its first.
fn moment(text: &str) -> Option<String> {
    let text = text.trim();
    let at: DateTime<Utc> = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.to_utc(),
        Err(_) => text
            .parse::<NaiveDate>()
            .ok()?
            .and_hms_opt(0, 0, 0)?
            .and_utc(),
    };
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The value of the option that a text means: by its value, else by its label, whatever the capitals.
fn option(kind: &Kind, said: &str) -> Result<String, Misfit> {
    let same = |text: &str| text.trim().to_lowercase() == said.trim().to_lowercase();
    let exact = kind.choices().find(|choice| choice.value == said);
    let by_value = || kind.choices().find(|choice| same(&choice.value));
    let by_label = || kind.choices().find(|choice| same(&choice.label));
    let found = exact.or_else(by_value).or_else(by_label);
    found
        .map(|choice| choice.value.clone())
        .ok_or_else(|| Misfit::Option {
            value: said.to_owned(),
            choices: kind.choices().map(|choice| choice.label.clone()).collect(),
        })
}

fn options(kind: &Kind, said: &Value) -> Result<Value, Misfit> {
    let list = match said {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut chosen: Vec<String> = Vec::new();
    for value in list.iter().filter(|value| !is_blank(value)) {
        let text = one(value).ok_or_else(|| wants(kind))?;
        let value = option(kind, &text)?;
        if !chosen.contains(&value) {
            chosen.push(value);
        }
    }
    Ok(json!(chosen))
}

#[cfg(test)]
mod tests {
    use super::{super::catalogue::Choice, *};

    fn choices() -> Vec<Choice> {
        let choice = |value: &str, label: &str, is_archived| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            is_archived,
        };
        vec![
            choice("staff", "Staff Engineer", false),
            choice("lead", "Lead", false),
            choice("vp", "Vice President", true),
        ]
    }

    #[test]
    fn each_kind_of_field_gets_the_shape_that_it_wants() {
        let (select, several) = (Kind::Select(choices()), Kind::MultiSelect(choices()));
        for (kind, said, fitted) in [
            (&Kind::Text, json!(" Ada "), json!("Ada")),
            (&Kind::Text, json!(["rust", "sql"]), json!("rust, sql")),
            (
                &Kind::Text,
                json!({"city": "London", "country": "UK"}),
                json!("London, UK"),
            ),
            (&Kind::Text, json!(7), json!("7")),
            (
                &Kind::Email,
                json!("ada@example.com"),
                json!("ada@example.com"),
            ),
            (
                &Kind::Url,
                json!("ada.example/x"),
                json!("https://ada.example/x"),
            ),
            (&Kind::Number, json!("7.0"), json!(7)),
            (&Kind::Number, json!(7.5), json!(7.5)),
            (&Kind::Boolean, json!("Yes"), json!(true)),
            (
                &Kind::Date,
                json!("2026-11-21"),
                json!("2026-11-21T00:00:00.000Z"),
            ),
            (
                &Kind::Date,
                json!("2026-11-21T10:00:00+02:00"),
                json!("2026-11-21T08:00:00.000Z"),
            ),
            (&select, json!("staff"), json!("staff")),
            (&select, json!("staff engineer"), json!("staff")),
            (&select, json!(["LEAD"]), json!("lead")),
            (&several, json!("Lead"), json!(["lead"])),
            (
                &several,
                json!(["lead", "Staff Engineer", "Lead", ""]),
                json!(["lead", "staff"]),
            ),
        ] {
            assert_eq!(fit(kind, &said), Ok(Some(fitted)), "{kind:?} {said}");
        }
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        let (select, several) = (Kind::Select(choices()), Kind::MultiSelect(choices()));
        let other = Kind::Other("Currency".to_owned());
        for (kind, said) in [
            (&Kind::Email, json!("ada")),
            (&Kind::Url, json!("not a page")),
            (&Kind::Number, json!("many")),
            (&Kind::Boolean, json!("perhaps")),
            (&Kind::Date, json!("next week")),
            (&Kind::Text, json!({"a": {"b": 1}})),
            (&select, json!(["staff", "lead"])),
            (&other, json!("1 EUR")),
        ] {
            let expected = kind.to_string();
            assert_eq!(fit(kind, &said), Err(Misfit::Shape { expected }), "{said}");
        }
        for (kind, said) in [(&select, json!("vp")), (&several, json!(["staff", "vp"]))] {
            let choices = ["Staff Engineer", "Lead"].map(str::to_owned).to_vec();
            let value = "vp".to_owned();
            assert_eq!(fit(kind, &said), Err(Misfit::Option { value, choices }));
        }
    }

    #[test]
    fn the_same_value_is_the_same_in_any_form() {
        let several = Kind::MultiSelect(choices());
        for (kind, one, other) in [
            (
                &Kind::Phone,
                json!("+44 20 7946 0000"),
                json!("+442079460000"),
            ),
            (
                &Kind::Url,
                json!("https://www.ada.example/"),
                json!("http://ada.example"),
            ),
            (
                &Kind::Email,
                json!("Ada@Example.com"),
                json!("ada@example.com "),
            ),
            (
                &Kind::Date,
                json!("2026-11-21"),
                json!("2026-11-21T01:00:00+01:00"),
            ),
            (&Kind::Number, json!(7), json!(7.0)),
            (&several, json!(["lead", "staff"]), json!(["staff", "lead"])),
        ] {
            assert_eq!(plain(kind, &one), plain(kind, &other));
        }
        assert_eq!(plain(&Kind::Text, &json!("")), None);
        assert_ne!(
            plain(&Kind::Text, &json!("a")),
            plain(&Kind::Text, &json!("A"))
        );
    }
}
