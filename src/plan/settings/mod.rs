//! What can be set, and what holds where nothing is. Data, not code: a [key](keys), what it takes, its default, and the
//! [layers] that it may be set on.

pub mod keys;
pub mod layers;
pub mod locks;

use serde::{Deserialize, Serialize};

/// The settings in force for a connection as a whole. Read from what was set, key by key; what is not there has its
/// default. What is decided for each prospect is a [`Policy`](super::policy::Policy) instead.
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
    fn what_holds_without_settings_is_what_the_table_of_keys_says() {
        let Value::Object(all) = serde_json::to_value(Settings::default()).unwrap() else {
            panic!("settings are an object")
        };
        for (name, value) in all {
            let key = keys::key(&name).unwrap();
            assert_eq!(key.usual.value(), value, "{name}");
            assert_eq!(key.layers, [keys::Layer::Connection], "{name}");
        }
    }

    #[test]
    fn a_key_of_a_later_version_does_no_harm() {
        let mut set = Map::new();
        set.insert("later.key".to_owned(), json!(true));
        assert_eq!(in_force(set.into()), Settings::default());
    }
}
