//! Which value is in force: of the layers that set a key, the most particular one. A user's own outweighs the job's, the
//! job's the connection's, and whatever nobody set has its default.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::keys::{KEYS, Key, Layer};
use crate::plan::reason::moment;

/// When something was last changed, and who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
}

/// What one layer has of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The value; `None` where it was set once and went back.
    pub value: Option<Value>,
    /// The last change.
    pub changed: Changed,
}

/// What one layer has, by key.
pub type Layered = BTreeMap<String, Held>;

/// The layers that hold for something, one on the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack<'a> {
    /// The connection's.
    pub connection: Option<&'a Layered>,
    /// The job's.
    pub job: Option<&'a Layered>,
    /// The user's.
    pub user: Option<&'a Layered>,
}

/// A value in force, and why it is that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The key.
    pub key: &'static str,
    /// It; null where nothing is set and there is no default.
    pub value: Value,
    /// Where it comes from.
    pub layer: Layer,
    /// The last change of those that made it so, with its layer: of the layer in force, or of a more particular one that
    /// went back since.
    pub changed: Option<(Layer, Changed)>,
}

impl<'a> Stack<'a> {
    /// What is in force of a key. What a layer has of a key that may not be set on it does not count.
    pub fn in_force(&self, key: &'static Key) -> InForce {
        let mut changed: Option<(Layer, &Changed)> = None;
        for (layer, held) in self.downwards(key) {
            if changed.is_none_or(|(_, latest)| latest.at < held.changed.at) {
                changed = Some((layer, &held.changed));
            }
            if let Some(value) = &held.value {
                return of(key, value.clone(), layer, changed);
            }
        }
        of(key, key.usual.value(), Layer::Default, changed)
    }

    /// Everything, by key.
    pub fn all(&self) -> BTreeMap<&'static str, InForce> {
        let all = KEYS.iter().map(|key| (key.name, self.in_force(key)));
        all.collect()
    }

    /// What the layers have of a key, the most particular first.
    fn downwards(&self, key: &'static Key) -> impl Iterator<Item = (Layer, &'a Held)> {
        let layers = [
            (Layer::User, self.user),
            (Layer::Job, self.job),
            (Layer::Connection, self.connection),
        ];
        layers
            .into_iter()
            .filter(|(layer, _)| key.is_for(*layer))
            .filter_map(|(layer, held)| Some((layer, held?.get(key.name)?)))
    }
}

fn of(
    key: &'static Key,
    value: Value,
    layer: Layer,
    changed: Option<(Layer, &Changed)>,
) -> InForce {
    InForce {
        key: key.name,
        value,
        layer,
        changed: changed.map(|(layer, changed)| (layer, changed.clone())),
    }
}

/// A setting that decided, as a sentence names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// It.
    pub setting: InForce,
    /// Its value as people know it: the title of a stage, say.
    pub shown: String,
}

impl Decided {
    /// By its own value.
    pub fn by(setting: InForce) -> Self {
        let shown = match &setting.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self { setting, shown }
    }
}

const fn whose(layer: Layer) -> &'static str {
    match layer {
        Layer::Default => "by nobody",
        Layer::Connection => "for the connection",
        Layer::Job => "for the job",
        Layer::User => "for the candidate's owner",
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InForce {
            key,
            layer,
            changed,
            value,
        } = &self.setting;
        match (layer, value) {
            (Layer::Default, Value::Null) => write!(f, "The setting {key} is not set")?,
            (Layer::Default, _) => write!(
                f,
                "The setting {key} has its default, \u{201c}{}\u{201d}",
                self.shown
            )?,
            _ => write!(f, "The setting {key} is \u{201c}{}\u{201d}", self.shown)?,
        }
        let was = changed.as_ref().map(|(was, _)| *was);
        if *layer != Layer::Default && was != Some(*layer) {
            write!(f, ", set {}", whose(*layer))?;
        }
        match changed {
            Some((was, Changed { at, by })) if was == layer => {
                write!(f, ", set {} on {} by {by}.", whose(*layer), moment(*at))
            }
            Some((was, Changed { at, by })) => write!(
                f,
                "; it was last changed {} on {} by {by}.",
                whose(*was),
                moment(*at)
            ),
            None => f.write_str("."),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*, sample::select};
    use serde_json::json;

    use super::*;
    use crate::plan::settings::keys::{ONLY_SYNCED, TRIGGER, key};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400 + seconds, 0).unwrap()
    }

    fn held(value: Option<&str>, seconds: i64) -> Held {
        let (at, by) = (at(seconds), "admin".to_owned());
        Held {
            value: value.map(|word| json!(word)),
            changed: Changed { at, by },
        }
    }

    fn layered(name: &str, held: Held) -> Layered {
        Layered::from([(name.to_owned(), held)])
    }

    fn layer() -> impl Strategy<Value = Option<Layered>> {
        let words = vec![
            None,
            Some("added"),
            Some("replied"),
            Some("interested"),
            Some("never"),
        ];
        let held = (select(words), 0..9_i64).prop_map(|(word, seconds)| held(word, seconds));
        let keys = vec![TRIGGER, ONLY_SYNCED, "stages.replied", "brake.max_moves"];
        option::of(prop::collection::btree_map(
            select(keys).prop_map(str::to_owned),
            held,
            0..4,
        ))
    }

    fn trigger(stack: Stack<'_>) -> InForce {
        stack.in_force(key(TRIGGER).unwrap())
    }

    proptest! {
        #[test]
        fn the_most_particular_layer_that_sets_a_key_and_may_is_the_one(
            connection in layer(), job in layer(), user in layer(),
        ) {
            let layers = [&user, &job, &connection].map(Option::as_ref);
            let stack = Stack { connection: layers[2], job: layers[1], user: layers[0] };
            for (name, found) in stack.all() {
                let key = key(name).unwrap();
                let set = |(layer, held): (Layer, Option<&Layered>)| {
                    let value = held?.get(name)?.value.clone()?;
                    key.is_for(layer).then_some((value, layer))
                };
                let order = [Layer::User, Layer::Job, Layer::Connection];
                let expected = order.into_iter().zip(layers).find_map(set);
                let expected = expected.unwrap_or((key.usual.value(), Layer::Default));
                prop_assert_eq!((found.value, found.layer), expected);
            }
        }

        #[test]
        fn a_layer_below_the_one_in_force_changes_nothing(
            connection in layer(), other in layer(), job in layer(), user in layer(),
        ) {
            let stack = |connection| Stack { connection, job: job.as_ref(), user: user.as_ref() };
            let (before, after) = (stack(connection.as_ref()).all(), stack(other.as_ref()).all());
            for (name, found) in before {
                if found.layer > Layer::Connection {
                    prop_assert_eq!(&after[name], &found);
                }
            }
        }

        #[test]
        fn what_went_back_is_as_if_it_had_never_been_set_but_for_the_change(job in layer(), connection in layer()) {
            let back = job.clone().map(|job| {
                job.into_iter().map(|(key, held)| (key, Held { value: None, ..held })).collect::<Layered>()
            });
            let stack = |job| Stack { connection: connection.as_ref(), job, user: None };
            for (name, found) in stack(back.as_ref()).all() {
                let never = stack(None).all().remove(name).unwrap();
                prop_assert_eq!((found.value, found.layer), (never.value, never.layer));
            }
        }
    }

    #[test]
    fn a_setting_says_where_it_comes_from_and_when_it_was_changed() {
        let connection = layered(TRIGGER, held(Some("replied"), 0));
        let job = layered(TRIGGER, held(Some("interested"), 60));
        let back = layered(TRIGGER, held(None, 120));
        let connection = Some(&connection);
        let said = |stack| Decided::by(trigger(stack)).to_string();
        let lines = [
            said(Stack::default()),
            said(Stack {
                connection,
                ..Stack::default()
            }),
            said(Stack {
                connection,
                job: Some(&job),
                user: None,
            }),
            said(Stack {
                connection,
                job: Some(&job),
                user: Some(&back),
            }),
            said(Stack {
                job: Some(&back),
                ..Stack::default()
            }),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn the_last_change_is_of_what_made_it_so() {
        let connection = layered(TRIGGER, held(Some("replied"), 300));
        let job = layered(TRIGGER, held(Some("interested"), 60));
        let stack = Stack {
            connection: Some(&connection),
            job: Some(&job),
            user: None,
        };
        // What changed below it since matters to nobody.
        let (layer, changed) = trigger(stack).changed.unwrap();
        assert_eq!((layer, changed.at), (Layer::Job, at(60)));
        // What went back above it since is why it is in force.
        let back = layered(TRIGGER, held(None, 600));
        let stack = Stack {
            user: Some(&back),
            ..stack
        };
        let (layer, changed) = trigger(stack).changed.unwrap();
        assert_eq!((layer, changed.at), (Layer::User, at(600)));
    }
}
