//! How settings and changes of them are described and shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    http::{
        api::prospects::{ProspectBody, ReasonBody},
        problem::ApiError,
    },
    plan::{
        Action,
        notes::{Event, MAX_TEMPLATE},
        settings::{
            keys::{KEYS, Key, Layer, Takes},
            layers::{Changed, InForce},
        },
    },
    sync::{
        Sync,
        settings::{Differs, Foreseen, Shown, WhatIf},
    },
};

fn value_in_force() -> Schema {
    any_value("It; `null` where nothing is set and the rules decide.")
}

/// The value of any key, or none.
pub fn any_value(description: &str) -> Schema {
    let types = ["number", "string", "boolean", "object", "array", "null"];
    let schema = json!({ "type": types, "description": description });
    serde_json::from_value(schema).expect("a test reads the document with it")
}

/// The last change of a setting.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LastChange {
    /// When.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub by: String,
    /// On which layer: the one that the value comes from, or one that outweighs it and went back.
    pub layer: Layer,
}

/// A value in force.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// It; `null` where nothing is set and the rules decide.
    #[schema(required, schema_with = value_in_force)]
    pub value: Value,
    /// Where it comes from.
    pub layer: Layer,
    /// Whether only an admin changes it.
    pub locked: bool,
    /// The last change of those that made it so; `null` where there was none.
    #[schema(required)]
    pub last_change: Option<LastChange>,
}

impl Setting {
    fn of((setting, locked): (InForce, bool)) -> (String, Self) {
        let InForce {
            key,
            value,
            layer,
            changed,
        } = setting;
        let last_change = changed.map(|(layer, Changed { at, by })| LastChange { at, by, layer });
        let setting = Self {
            value,
            layer,
            locked,
            last_change,
        };
        (key.to_owned(), setting)
    }
}

/// Everything that can be set, by key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SettingsBody {
    /// The values in force; of a preview, as they would be.
    pub settings: BTreeMap<String, Setting>,
    /// What is allowed, and perhaps not meant.
    pub warnings: Vec<String>,
    /// What the next flush would do differently; only of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub preview: Option<WhatIfBody>,
}

impl SettingsBody {
    pub(super) fn of(shown: Shown) -> Self {
        Self {
            settings: shown.settings.into_iter().map(Setting::of).collect(),
            warnings: shown.warnings,
            preview: None,
        }
    }

    pub(super) async fn previewed(sync: &Sync, what_if: WhatIf) -> Result<Self, ApiError> {
        Ok(Self {
            preview: Some(WhatIfBody::of(sync, &what_if).await?),
            ..Self::of(what_if.shown)
        })
    }
}

/// What the next flush would do differently.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = WhatIf)]
pub struct WhatIfBody {
    /// Who would be decided differently: the first 200 of them.
    pub items: Vec<DiffersBody>,
    /// How many would be.
    pub different: usize,
    /// How many were decided both ways: those who have news, and those who wait for another value.
    pub examined: usize,
    /// Whether these are all. At most 2,000 are decided both ways.
    pub complete: bool,
}

impl WhatIfBody {
    pub(in crate::http::api) async fn of(sync: &Sync, what_if: &WhatIf) -> Result<Self, ApiError> {
        let prospects: Vec<_> = what_if
            .differs
            .iter()
            .map(|differs| differs.prospect.clone())
            .collect();
        let shown = ProspectBody::of_all(sync, &prospects).await?;
        let items = shown.into_iter().zip(&what_if.differs);
        let items = items.map(|(prospect, differs)| DiffersBody::of(prospect, differs));
        Ok(Self {
            items: items.collect(),
            different: what_if.different,
            examined: what_if.examined,
            complete: what_if.is_complete,
        })
    }
}

/// Somebody who would be decided differently.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Differs)]
pub struct DiffersBody {
    /// The prospect.
    #[serde(flatten)]
    pub prospect: ProspectBody,
    /// What the next flush would do as things are.
    pub now: DecidedBody,
    /// What it would do were this set.
    pub then: DecidedBody,
}

impl DiffersBody {
    fn of(prospect: ProspectBody, differs: &Differs) -> Self {
        Self {
            prospect,
            now: DecidedBody::of(&differs.now),
            then: DecidedBody::of(&differs.then),
        }
    }
}

/// A decision that was not carried out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = WouldBe)]
pub struct DecidedBody {
    /// What would be done, in a word.
    pub action: Action,
    /// Why that, or why nothing.
    pub reason: ReasonBody,
    /// What would be written beside the stage, in words: fields, notes, the tag.
    pub additions: Vec<String>,
}

impl DecidedBody {
    fn of(Foreseen { plan, additions }: &Foreseen) -> Self {
        Self {
            additions: additions.clone(),
            action: plan.action(),
            reason: ReasonBody {
                code: plan.because.code().to_owned(),
                sentence: plan.sentence(),
            },
        }
    }
}

/// What to set. What is left out stays as it is; `null` goes back to what holds without it.
///
/// Described by the table of keys, and read as [`Change`](super::Change).
#[derive(Debug)]
pub struct SettingsChange;

impl ToSchema for SettingsChange {}

impl PartialSchema for SettingsChange {
    fn schema() -> RefOr<Schema> {
        let keys = KEYS.iter();
        let keys = keys.map(|key| (key.name.to_owned(), described(key)));
        let schema = json!({
            "type": "object",
            "description": "What to set. What is left out stays as it is; `null` goes back to what holds without it.",
            "properties": keys.collect::<Map<_, _>>(),
        });
        serde_json::from_value(schema).expect("a test reads the document with it")
    }
}

fn described(key: &Key) -> Value {
    let mut schema = match &key.takes {
        Takes::Count(range) => json!({
            "type": ["integer", "null"], "format": "int64", "minimum": range.start(), "maximum": range.end(),
        }),
        Takes::Share(range) => json!({
            "type": ["number", "null"], "format": "double", "minimum": range.start(), "maximum": range.end(),
        }),
        Takes::Flag => json!({ "type": ["boolean", "null"] }),
        Takes::Text(most) => {
            json!({ "type": ["string", "null"], "minLength": 1, "maxLength": most })
        }
        Takes::Word(words) => json!({ "type": ["string", "null"], "enum": words_or_null(words) }),
        Takes::Stage { .. } => {
            json!({ "type": ["string", "null"], "minLength": 1, "maxLength": 1000 })
        }
        Takes::FieldMap => json!({ "type": "null" }),
        Takes::Stages => json!({
            "type": ["object", "null"], "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 1000 },
        }),
        Takes::Words(words) => json!({
            "type": ["array", "null"], "items": { "type": "string", "enum": words }, "uniqueItems": true,
        }),
        Takes::Templates => {
            let text = json!({ "type": "string", "minLength": 1, "maxLength": MAX_TEMPLATE });
            let texts = Event::WORDS
                .iter()
                .map(|word| ((*word).to_owned(), text.clone()));
            json!({ "type": ["object", "null"], "properties": texts.collect::<Map<_, _>>(), "additionalProperties": false })
        }
    };
    let layers: Vec<_> = key.layers.iter().map(|layer| layer.word()).collect();
    schema["description"] = format!("{} Set for: {}.", key.says, layers.join(", ")).into();
    let usual = key.usual.value();
    if !usual.is_null() {
        schema["default"] = usual;
    }
    schema
}

fn words_or_null(words: &[&str]) -> Vec<Value> {
    let words = words.iter().map(|word| json!(word));
    words.chain(std::iter::once(Value::Null)).collect()
}
