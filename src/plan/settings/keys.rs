//! Everything that can be set: the one table that reading, changing, describing and explaining settings go by.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::plan::{
    fields::{DISPLAYED, FILTERABLE, MANDATORY, MAP},
    notes::Event,
};

/// Where a value can come from, from the most general to the one that outweighs the others.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Nobody has set it.
    Default,
    /// It was set for the connection.
    Connection,
    /// It was set for the job.
    Job,
    /// It was set for the user who owns the candidate in Dover.
    User,
}

impl Layer {
    /// Those that can be set, with their words in the HTTP contract and in rows.
    pub const SET: [(&'static str, Self); 3] = [
        ("connection", Self::Connection),
        ("job", Self::Job),
        ("user", Self::User),
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Connection => "connection",
            Self::Job => "job",
            Self::User => "user",
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
    /// Yes or no.
    Flag,
    /// A text of so many characters at most.
    Text(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A stage of the job's interview plan, by its id or its title; kept by its id. Of these types it may be only where it
    /// says so.
    Stage {
        /// A stage of type Hired.
        hired: bool,
        /// A stage of type Archived.
        archived: bool,
    },
    /// Stages of the job's interview plan by names of Dover's.
    Stages,
    /// Any of these words, each once.
    Words(&'static [&'static str]),
    /// Templates of notes by the words of the events that notes are written upon.
    Templates,
    /// A part of the field map, which has a document of its own.
    FieldMap,
}

/// What holds where nothing is set.
#[derive(Clone, Copy, Debug)]
pub enum Usual {
    /// A whole number.
    Count(u32),
    /// A part of one.
    Share(f64),
    /// Yes or no.
    Flag(bool),
    /// A word.
    Word(&'static str),
    /// None of the words.
    NoWords,
    /// Nothing in particular: what the rules say without it.
    Nothing,
}

impl Usual {
    /// The value, as a set one would be; null where there is none.
    pub fn value(self) -> Value {
        match self {
            Self::Count(count) => json!(count),
            Self::Share(share) => json!(share),
            Self::Flag(flag) => json!(flag),
            Self::Word(word) => json!(word),
            Self::NoWords => json!([]),
            Self::Nothing => Value::Null,
        }
    }
}

/// Something that can be set.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name: the group, a dot, and what it is within the group.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What holds where nothing is set.
    pub usual: Usual,
    /// The layers that it may be set on, the most general first.
    pub layers: &'static [Layer],
    /// What it is, in a sentence.
    pub says: &'static str,
    /// The codes of the reasons that another value may change: whoever was left with one of them is decided again.
    pub lets_go: &'static [&'static str],
}

impl Key {
    /// Its group: what stands before the dot. All keys of a group can be locked together.
    pub fn group(&self) -> &'static str {
        group(self.name)
    }

    /// Whether it may be set on a layer.
    pub fn is_for(&self, layer: Layer) -> bool {
        self.layers.contains(&layer)
    }
}

/// The group of a key's name.
pub fn group(name: &str) -> &str {
    name.split_once('.').map_or(name, |(group, _)| group)
}

/// The key of that name.
pub fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The names of all groups, in the order of [`KEYS`].
pub const GROUPS: [&str; 10] = [
    "brake",
    "ashby",
    "create_in_doubt",
    "retention",
    "sync",
    "stages",
    "notes",
    "credit",
    "tag",
    "fields",
];

const ANY_COUNT: Takes = Takes::Count(0..=1_000_000);
/// Deliveries are kept for a week at least: so long a replay can mend what a wrong setting did.
const DAYS: Takes = Takes::Count(7..=36_500);

const FOR_ALL: &[Layer] = &[Layer::Connection];
const FOR_JOBS: &[Layer] = &[Layer::Connection, Layer::Job];
const FOR_EACH_JOB: &[Layer] = &[Layer::Job];
const FOR_USERS: &[Layer] = &[Layer::Connection, Layer::Job, Layer::User];

const NOBODY: &[&str] = &[];
const WAITS_FOR_TRIGGER: &[&str] = &["waiting-for-trigger"];
const WAITS_FOR_STAGE: &[&str] = &["stage-not-mapped", "mapped-stage-gone", "not-forward"];
const WAITS_FOR_STATUS: &[&str] = &["held-status", "mapped-stage-gone", "not-forward"];

const WAITS_FOR_FIELD: &[&str] = &["field-option-unknown", "field-gone", "field-misfit"];
const WAITS_FOR_VALUE: &[&str] = &["mandatory-field-missing"];

const A_STAGE: Takes = Takes::Stage {
    hired: false,
    archived: false,
};
const A_STAGE_OR_AN_END: Takes = Takes::Stage {
    hired: false,
    archived: true,
};
const A_STAGE_OR_A_HIRE: Takes = Takes::Stage {
    hired: true,
    archived: false,
};

/// A key that is set for the whole connection and lets nobody go.
const fn of_all(name: &'static str, takes: Takes, usual: Usual, says: &'static str) -> Key {
    Key {
        name,
        takes,
        usual,
        layers: FOR_ALL,
        says,
        lets_go: NOBODY,
    }
}

/// The stage of a job's plan that something of Dover's means.
const fn stage(
    name: &'static str,
    takes: Takes,
    says: &'static str,
    lets_go: &'static [&'static str],
) -> Key {
    Key {
        name,
        takes,
        usual: Usual::Nothing,
        layers: FOR_EACH_JOB,
        says,
        lets_go,
    }
}

/// A part of the field map.
const fn of_fields(
    name: &'static str,
    says: &'static str,
    lets_go: &'static [&'static str],
) -> Key {
    Key {
        name,
        takes: Takes::FieldMap,
        usual: Usual::Nothing,
        layers: FOR_ALL,
        says,
        lets_go,
    }
}

/// The key that says when somebody is asked about a create in doubt.
pub const ASK_AFTER: &str = "create_in_doubt.ask_after_minutes";
/// The key of the trigger.
pub const TRIGGER: &str = "sync.trigger";
/// The key that says whether the trigger holds for records that are in Ashby already.
pub const ONLY_SYNCED: &str = "sync.only_synced";
/// The key that lets contact details be updated after somebody was created.
pub const CONTACT_UPDATES: &str = "sync.contact_updates";
/// The key of the names of interview stages.
pub const NAMED_STAGES: &str = "stages.named";
/// The key of the events that notes are written upon.
pub const NOTES_ON: &str = "notes.on";
/// The key that says whether notes on records that are in Ashby already wait for the trigger.
pub const NOTES_ONLY_SYNCED: &str = "notes.only_synced";
/// The key that says whether earlier events count.
pub const NOTES_BACKFILL: &str = "notes.backfill";
/// The key of what notes say.
pub const NOTE_TEMPLATES: &str = "notes.template";
/// The key without which `stages.hired` does nothing.
pub const ALLOW_HIRED: &str = "stages.allow_hired";

/// The key that says whether the owner in Dover is credited.
pub const CREDIT_OWNER: &str = "credit.owner";
/// The key of the user who is credited otherwise.
pub const CREDITED_USER: &str = "credit.user";
/// The key of the tag.
pub const TAG: &str = "tag.title";

/// Everything that can be set.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    of_all("brake.max_archives", ANY_COUNT, Usual::Count(25),
        "A job's part of a flush that would archive more applications than this stops and asks."),
    of_all("brake.max_archive_share", Takes::Share(0.0..=1.0), Usual::Share(0.2),
        "So does one that would archive a greater share of the job's active applications, where there are ten or more."),
    of_all("brake.max_moves", ANY_COUNT, Usual::Count(500),
        "So does one that would move more applications than this."),
    of_all("ashby.reserved_share", Takes::Share(0.0..=0.9), Usual::Share(0.1),
        "The share of the Ashby key's rate limit that is left to other tools that use it."),
    // Sooner, Ashby's lists may not show yet what there is.
    of_all(ASK_AFTER, Takes::Count(15..=10_080), Usual::Count(60),
        "After how many minutes somebody is asked about a create whose outcome cannot be found out."),
    of_all("retention.deliveries_days", DAYS, Usual::Count(90),
        "For how many days deliveries are kept as they came."),
    of_all("retention.decisions_days", DAYS, Usual::Count(365),
        "For how many days decisions and flushes are kept."),
    Key { name: TRIGGER, takes: Takes::Word(&["added", "replied", "interested", "never"]), usual: Usual::Word("added"),
        layers: FOR_USERS, lets_go: WAITS_FOR_TRIGGER,
        says: "What has to happen in Dover before a candidate is added to the job in Ashby: nothing more than being added \
               in Dover, a reply, interest, or `never` for none of them." },
    Key { name: ONLY_SYNCED, takes: Takes::Flag, usual: Usual::Flag(false),
        layers: FOR_USERS, lets_go: WAITS_FOR_TRIGGER,
        says: "Whether an application that is in Ashby already, and that was not synced so far, is left alone until the \
               trigger is reached. Without it, it is synced at once." },
    Key { name: CONTACT_UPDATES, takes: Takes::Flag, usual: Usual::Flag(false),
        layers: FOR_JOBS, lets_go: NOBODY,
        says: "Whether contact details that change in Dover are carried to candidates who are in Ashby already, as the field \
               map says. Without it they are given when somebody is created, and not again. Custom fields do not need it." },
    stage("stages.new_lead", A_STAGE, "The stage of the job's interview plan that new_lead means.", WAITS_FOR_STAGE),
    stage("stages.reached_out", A_STAGE, "The stage that reached_out means.", WAITS_FOR_STAGE),
    stage("stages.replied", A_STAGE, "The stage that replied means.", WAITS_FOR_STAGE),
    stage("stages.interested", A_STAGE, "The stage that interested means; unset, the one of replied.", WAITS_FOR_STAGE),
    stage("stages.interviewing", A_STAGE, "The stage that interviewing means, under whatever name.", WAITS_FOR_STAGE),
    stage(NAMED_STAGES, Takes::Stages,
        "The stages that interviewing means under the names of Dover's `stage_name`: an object of name and stage. \
         Capitals, spaces, _ and - do not matter. What is given takes the place of the whole.", WAITS_FOR_STAGE),
    stage("stages.snoozed", A_STAGE_OR_AN_END,
        "The stage that the status snoozed moves an application to. One of type Archived archives it as withdrawn.",
        WAITS_FOR_STATUS),
    stage("stages.not_interested", A_STAGE_OR_AN_END,
        "The stage that the status not_interested moves an application to. One of type Archived archives it as withdrawn.",
        WAITS_FOR_STATUS),
    stage("stages.hired", A_STAGE_OR_A_HIRE,
        "The stage that the status hired moves an application to. It counts only with stages.allow_hired.",
        WAITS_FOR_STATUS),
    Key { name: ALLOW_HIRED, takes: Takes::Flag, usual: Usual::Flag(false),
        layers: FOR_JOBS, lets_go: WAITS_FOR_STATUS,
        says: "Whether the status hired may move an application, to the stage of stages.hired. Hires are better made in \
               Ashby, with an offer." },
    Key { name: NOTES_ON, takes: Takes::Words(&Event::WORDS), usual: Usual::NoWords,
        layers: FOR_USERS, lets_go: NOBODY,
        says: "What a note is written upon on the candidate in Ashby: messages, calls and notes of Dover's, and what the \
               service did to the application. None unless set: whoever may see the candidate reads the notes." },
    Key { name: NOTES_ONLY_SYNCED, takes: Takes::Flag, usual: Usual::Flag(false),
        layers: FOR_USERS, lets_go: NOBODY,
        says: "Whether a record that was in Ashby before gets no notes until the candidate reaches the trigger. Without it, \
               it gets them at once. What is done to the application, sync.only_synced says." },
    Key { name: NOTES_BACKFILL, takes: Takes::Flag, usual: Usual::Flag(false),
        layers: FOR_USERS, lets_go: NOBODY,
        says: "Whether notes are also written upon what happened in Dover before the service made the application, \
               once it has." },
    Key { name: NOTE_TEMPLATES, takes: Takes::Templates, usual: Usual::Nothing,
        layers: FOR_USERS, lets_go: NOBODY,
        says: "What notes say: an object of an event, as in notes.on, and a text with {{variables}} and the elements \
               that Ashby keeps. An event that is not named has its usual text. What is given takes the place of the \
               whole." },
    Key { name: CREDIT_OWNER, takes: Takes::Flag, usual: Usual::Flag(false),
        layers: FOR_USERS, lets_go: NOBODY,
        says: "Whether the owner of a candidate in Dover is credited in Ashby with what is created, where they are a user \
               there. The key needs the right organization:read for it." },
    Key { name: CREDITED_USER, takes: Takes::Text(320), usual: Usual::Nothing,
        layers: FOR_USERS, lets_go: NOBODY,
        says: "The e-mail address of the user of Ashby who is credited with what is created, where the owner is not or is \
               no user of Ashby; unset, nobody. The key needs the right organization:read for it." },
    Key { name: TAG, takes: Takes::Text(100), usual: Usual::Nothing,
        layers: FOR_USERS, lets_go: NOBODY,
        says: "The title of the tag that candidates are given in Ashby, such as Dover; unset, none. It is made where there \
               is none of that title, which the key needs the right hiringProcessMetadata:write for, and given once: \
               one that somebody takes away stays away." },
    of_fields(MAP, "Which variable of Dover's goes into which field of Ashby's. Set with PUT \u{2026}/field-map.", WAITS_FOR_FIELD),
    of_fields(MANDATORY, "Variables without which nobody is added to a job. Set with PUT \u{2026}/field-map.", WAITS_FOR_VALUE),
    of_fields(DISPLAYED, "The only fields that are written, where it is set. Set with PUT \u{2026}/field-map.", WAITS_FOR_FIELD),
    of_fields(FILTERABLE, "Variables that prospects can be listed by. Set with PUT \u{2026}/field-map.", NOBODY),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_named_once_and_stand_by_their_groups() {
        let names: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), KEYS.len());
        let mut groups: Vec<_> = KEYS.iter().map(Key::group).collect();
        groups.dedup();
        assert_eq!(groups, GROUPS);
    }

    #[test]
    fn every_default_is_one_that_its_key_takes() {
        for key in KEYS {
            let fits = match (&key.takes, key.usual) {
                (Takes::Count(range), Usual::Count(usual)) => range.contains(&usual),
                (Takes::Share(range), Usual::Share(usual)) => range.contains(&usual),
                (Takes::Word(words), Usual::Word(usual)) => words.contains(&usual),
                (Takes::Flag, Usual::Flag(_))
                | (Takes::Words(_), Usual::NoWords)
                | (
                    Takes::Stage { .. }
                    | Takes::Stages
                    | Takes::Templates
                    | Takes::Text(_)
                    | Takes::FieldMap,
                    Usual::Nothing,
                ) => true,
                _ => false,
            };
            assert!(fits, "{}", key.name);
        }
    }

    /// Only jobs have interview plans: a stage means nothing anywhere else.
    #[test]
    fn stages_are_set_for_jobs_alone() {
        for key in KEYS {
            if matches!(key.takes, Takes::Stage { .. } | Takes::Stages) {
                assert_eq!(key.layers, [Layer::Job], "{}", key.name);
            }
            assert!(!key.layers.is_empty() && !key.is_for(Layer::Default));
            assert!(key.layers.is_sorted(), "{}", key.name);
        }
    }
}
