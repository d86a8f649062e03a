//! Where each field of a delivery is found. A connection may move any of them, so that a payload of another shape
//! plugs in without a release.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::pointer::Pointer;

/// To be raised whenever a payload comes to be read otherwise than before: what waits was read when it came.
const READING: u32 = 1;

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident $name:literal $pointer:literal,)+) => {
        /// A field of the delivery contract that a connection may find elsewhere.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field {
            $($(#[$doc])* $field,)+
        }

        impl Field {
            /// Every field, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$field,)+];

            /// What a field map calls it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)+ }
            }

            /// Where the contract puts it.
            pub const fn default_pointer(self) -> &'static str {
                match self { $(Self::$field => $pointer,)+ }
            }
        }
    };
}

fields! {
    /// What kind of delivery.
    Type "type" "/type",
    /// When it was sent.
    Timestamp "timestamp" "/timestamp",
    /// The candidate.
    CandidateId "candidate.id" "/data/candidate/id",
    /// Full name.
    Name "candidate.name" "/data/candidate/name",
    /// Primary e-mail address.
    Email "candidate.email" "/data/candidate/email",
    /// Further e-mail addresses.
    AlternateEmails "candidate.alternate_emails" "/data/candidate/alternate_emails",
    /// Telephone number.
    Phone "candidate.phone" "/data/candidate/phone",
    /// LinkedIn profile.
    LinkedInUrl "candidate.linkedin_url" "/data/candidate/linkedin_url",
    /// Other profiles.
    SocialUrls "candidate.social_urls" "/data/candidate/social_urls",
    /// Current job title.
    Title "candidate.title" "/data/candidate/title",
    /// Current employer.
    Company "candidate.company" "/data/candidate/company",
    /// City.
    City "candidate.location.city" "/data/candidate/location/city",
    /// Region.
    Region "candidate.location.region" "/data/candidate/location/region",
    /// Country.
    Country "candidate.location.country" "/data/candidate/location/country",
    /// Whatever else is known.
    Fields "candidate.fields" "/data/candidate/fields",
    /// The job.
    JobId "job.id" "/data/job/id",
    /// The job's title.
    JobTitle "job.title" "/data/job/title",
    /// The stage.
    Stage "stage" "/data/stage",
    /// The employer's own name of the stage.
    StageName "stage_name" "/data/stage_name",
    /// The status.
    Status "status" "/data/status",
    /// E-mail address of the sourcer.
    OwnerEmail "owner.email" "/data/owner/email",
    /// When Dover last changed the candidate.
    UpdatedAt "updated_at" "/data/updated_at",
    /// The activity.
    ActivityId "activity.id" "/data/activity/id",
    /// What kind of activity.
    ActivityKind "activity.kind" "/data/activity/kind",
    /// When it happened.
    ActivityAt "activity.at" "/data/activity/at",
    /// Its subject line.
    ActivitySubject "activity.subject" "/data/activity/subject",
    /// Its text.
    ActivityBody "activity.body" "/data/activity/body",
    /// How it sounds.
    ActivitySentiment "activity.sentiment" "/data/activity/sentiment",
}

/// Why a field map is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathFault {
    /// A name that is no field.
    #[error(
        "{name:?} is not a field; did you mean {nearest:?}? The fields are {}",
        names()
    )]
    UnknownName {
        /// The name given.
        name: String,
        /// The field whose name is most like it.
        nearest: &'static str,
    },
    /// A text that is no JSON Pointer.
    #[error("{pointer:?} is not a JSON Pointer for {name:?}: {problem}")]
    BadPointer {
        /// The field.
        name: &'static str,
        /// The text given.
        pointer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl PathFault {
    /// The name that it is about.
    pub fn name(&self) -> &str {
        match self {
            Self::UnknownName { name, .. } => name,
            Self::BadPointer { name, .. } => name,
        }
    }
}

/// Everything that is wrong with a field map.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct PathFaults(pub Vec<PathFault>);

fn names() -> String {
    let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
    names.join(", ")
}

/// Where to find each field: those of the contract, save for the ones that a connection has moved.
///
/// In JSON a flat map of names and pointers, `{"candidate.id": "/data/candidate/id", …}`; a field that is not in it
/// stays where the contract puts it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct PayloadPaths(Vec<Pointer>);

impl PayloadPaths {
    /// Reads a field map; tells everything that is wrong with it at once.
    pub fn new<'m>(map: impl IntoIterator<Item = (&'m str, &'m str)>) -> Result<Self, PathFaults> {
        let mut paths = Self::default();
        let mut faults = Vec::new();
        for (name, pointer) in map {
            if let Err(fault) = paths.set(name, pointer) {
                faults.push(fault);
            }
        }
        if faults.is_empty() {
            Ok(paths)
        } else {
            Err(PathFaults(faults))
        }
    }

    fn set(&mut self, name: &str, pointer: &str) -> Result<(), PathFault> {
        let Some(field) = Field::ALL.iter().find(|field| field.name() == name) else {
            return Err(PathFault::UnknownName {
                name: name.to_owned(),
                nearest: nearest(name),
            });
        };
        self.0[*field as usize] =
            Pointer::parse(pointer).map_err(|problem| PathFault::BadPointer {
                name: field.name(),
                pointer: pointer.to_owned(),
                problem,
            })?;
        Ok(())
    }

    /// Every field by name, with the pointer in use.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = Field::ALL.iter().map(|field| field.name());
        names.zip(self.0.iter().map(Pointer::as_str))
    }

    /// Tells readings apart: what was read by other paths, or by a release that reads otherwise, may mean something else now.
    pub fn fingerprint(&self) -> i32 {
        let mut digest = Sha256::new();
        digest.update(READING.to_be_bytes());
        for (name, pointer) in self.iter() {
            // Neither can hold a NUL.
            digest.update(name);
            digest.update([0]);
            digest.update(pointer);
            digest.update([0]);
        }
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        i32::from_be_bytes([a, b, c, d])
    }

    pub(super) fn pointer(&self, field: Field) -> &Pointer {
        &self.0[field as usize]
    }
}

impl Default for PayloadPaths {
    fn default() -> Self {
        let parse = |field: &Field| {
            Pointer::parse(field.default_pointer()).expect("the contract's pointers are pointers")
        };
        Self(Field::ALL.iter().map(parse).collect())
    }
}

impl TryFrom<BTreeMap<String, String>> for PayloadPaths {
    type Error = PathFaults;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, PathFaults> {
        Self::new(
            map.iter()
                .map(|(name, pointer)| (name.as_str(), pointer.as_str())),
        )
    }
}

impl From<PayloadPaths> for BTreeMap<String, String> {
    fn from(paths: PayloadPaths) -> Self {
        paths
            .iter()
            .map(|(name, pointer)| (name.to_owned(), pointer.to_owned()))
            .collect()
    }
}

impl fmt::Debug for PayloadPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The field whose name takes the fewest edits to become `name`, or to become the end of one: people leave out the
/// `candidate.` in front.
fn nearest(name: &str) -> &'static str {
    let distance = |field: &str| {
        let last = field.rsplit('.').next().unwrap_or(field);
        edits(name, field).min(edits(name, last))
    };
    let names = Field::ALL.iter().map(|field| field.name());
    names
        .min_by_key(|field| distance(field))
        .expect("the contract has fields")
}

/// How many characters have to be put in, left out or exchanged to turn `from` into `to` (Levenshtein's distance).
pub(crate) fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    // Names of fields are short; the first characters of a longer one say enough.
    for (line, left) in from.chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in to.chars().enumerate() {
            let exchanged = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(name: &str, pointer: &str) -> Result<PayloadPaths, PathFaults> {
        PayloadPaths::new([(name, pointer)])
    }

    #[test]
    fn a_field_map_moves_the_fields_it_names_and_no_others() {
        let paths: PayloadPaths =
            serde_json::from_value(json!({"candidate.email": "/person/mail"})).unwrap();
        assert_eq!(paths.pointer(Field::Email).as_str(), "/person/mail");
        assert_eq!(paths.pointer(Field::Name).as_str(), "/data/candidate/name");
    }

    #[test]
    fn a_field_map_survives_being_written_and_read() {
        let paths = map("stage", "/st~1age/~0/0").unwrap();
        let written = serde_json::to_value(&paths).unwrap();
        assert_eq!(written["stage"], "/st~1age/~0/0");
        assert_eq!(written["candidate.id"], "/data/candidate/id");
        assert_eq!(
            serde_json::from_value::<PayloadPaths>(written).unwrap(),
            paths
        );
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        for (name, nearest) in [
            ("candidate.emial", "candidate.email"),
            ("email", "candidate.email"),
            ("linkedin", "candidate.linkedin_url"),
            ("updatedAt", "updated_at"),
            ("candidate_id", "candidate.id"),
            ("stagename", "stage_name"),
        ] {
            let PathFaults(faults) = map(name, "/x").unwrap_err();
            let name = name.to_owned();
            assert_eq!(faults, [PathFault::UnknownName { name, nearest }]);
        }
        let sentence = map("emial", "/x").unwrap_err().to_string();
        assert!(
            sentence.contains("activity.sentiment"),
            "all are listed: {sentence}"
        );
    }

    #[test]
    fn a_text_that_is_no_pointer_is_refused() {
        let too_long = format!("/{}", "x".repeat(500));
        for pointer in [
            "",
            "data/id",
            "$.data.id",
            "/a~",
            "/a~2b",
            "/a\0",
            &too_long,
        ] {
            let PathFaults(faults) = map("job.id", pointer).unwrap_err();
            assert!(
                matches!(&faults[..], [PathFault::BadPointer { name: "job.id", .. }]),
                "{pointer}"
            );
        }
    }

    #[test]
    fn every_fault_of_a_field_map_is_told_at_once() {
        let PathFaults(faults) =
            PayloadPaths::new([("stage", "x"), ("stage", "/x"), ("nonsense", "/x")]).unwrap_err();
        assert_eq!(faults.len(), 2);
    }
}
