//! What an admin may set for a connection, and what holds where nothing is set. Data, not code: a key, what it takes, its
//! default.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// The settings in force. Read from what was set, key by key; what is not there has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// When a job's part of a flush stops and asks.
    #[serde(flatten)]
    pub brake: BrakeLimits,
    /// The share of the key's rate limit that is left to the employer's other tools, from 0 to 0.9.
    #[serde(rename = "ashby.reserved_share")]
    pub reserved_share: f64,
    /// After how many minutes somebody is asked about a create whose outcome cannot be found out.
    #[serde(rename = "create_in_doubt.ask_after_minutes")]
    pub ask_about_creates_after_minutes: u32,
    /// For how many days deliveries are kept as they came.
    #[serde(rename = "retention.deliveries_days")]
    pub keep_deliveries_days: u32,
    /// For how many days decisions and flushes are kept.
    #[serde(rename = "retention.decisions_days")]
    pub keep_decisions_days: u32,
}

/// How much a flush may do to one job before it stops and asks. A limit is reached by exceeding it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BrakeLimits {
    /// Archived at once, in applications.
    #[serde(rename = "brake.max_archives")]
    pub max_archives: u32,
    /// Archived at once, as a share of the job's active applications, where there are ten or more.
    #[serde(rename = "brake.max_archive_share")]
    pub max_archive_share: f64,
    /// Moved at once, in applications.
    #[serde(rename = "brake.max_moves")]
    pub max_moves: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            brake: BrakeLimits::default(),
            reserved_share: 0.1,
            ask_about_creates_after_minutes: 60,
            keep_deliveries_days: 90,
            keep_decisions_days: 365,
        }
    }
}

impl Default for BrakeLimits {
    fn default() -> Self {
        Self {
            max_archives: 25,
            max_archive_share: 0.2,
            max_moves: 500,
        }
    }
}

/// What a key takes.
#[derive(Clone, Debug)]
pub enum Takes {
    /// A whole number.
    Count(RangeInclusive<u32>),
    /// A part of one.
    Share(RangeInclusive<f64>),
}

/// Something that can be set.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name: the group, a dot, and what it is within the group.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
}

const ANY_COUNT: Takes = Takes::Count(0..=1_000_000);
/// Deliveries are kept for a week at least: so long a replay can mend what a wrong setting did.
const DAYS: Takes = Takes::Count(7..=36_500);

const fn key(name: &'static str, takes: Takes) -> Key {
    Key { name, takes }
}

/// Everything that can be set.
pub const KEYS: [Key; 7] = [
    key("brake.max_archives", ANY_COUNT),
    key("brake.max_archive_share", Takes::Share(0.0..=1.0)),
    key("brake.max_moves", ANY_COUNT),
    key("ashby.reserved_share", Takes::Share(0.0..=0.9)),
    // Sooner, Ashby's lists may not show yet what there is.
    key(
        "create_in_doubt.ask_after_minutes",
        Takes::Count(15..=10_080),
    ),
    key("retention.deliveries_days", DAYS),
    key("retention.decisions_days", DAYS),
];

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn in_force(set: Value) -> Settings {
        serde_json::from_value(set).unwrap()
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(in_force(json!({})), Settings::default());
        let expected = Settings {
            brake: BrakeLimits {
                max_archives: 3,
                ..BrakeLimits::default()
            },
            reserved_share: 0.5,
            ..Settings::default()
        };
        let set = json!({ "brake.max_archives": 3, "ashby.reserved_share": 0.5 });
        assert_eq!(in_force(set), expected);
    }

    #[test]
    fn every_key_is_in_force_and_its_default_is_one_that_it_takes() {
        let Value::Object(all) = serde_json::to_value(Settings::default()).unwrap() else {
            panic!("settings are an object")
        };
        let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(all.keys().collect::<Vec<_>>(), names);
        for key in KEYS {
            let value = &all[key.name];
            let is_taken = match key.takes {
                Takes::Count(range) => {
                    range.contains(&u32::try_from(value.as_u64().unwrap()).unwrap())
                }
                Takes::Share(range) => range.contains(&value.as_f64().unwrap()),
            };
            assert!(is_taken, "{}: {value}", key.name);
        }
    }

    #[test]
    fn a_key_of_a_later_version_does_no_harm() {
        let mut set = Map::new();
        set.insert("later.key".to_owned(), json!(true));
        assert_eq!(in_force(set.into()), Settings::default());
    }
}
