//! Which prospects may be the same person: those must not be created side by side.

use std::collections::{BTreeMap, HashMap};

use super::identities::Identities;
use crate::{
    ids::{CandidateId, DoverCandidateId},
    store::prospect::Prospect,
};

/// Prospects that may be the same person, together and in order: those that share an address, a profile or an id of
/// Dover's, or somebody in Ashby, to whom they are linked or whom Ashby knows under one of their `identities`. Those have to be of
/// the whole page.
pub(super) fn groups(page: Vec<Prospect>, identities: &Identities) -> Vec<Vec<Prospect>> {
    let mut group_of: HashMap<Key<'_>, usize> = HashMap::new();
    let mut merged_into: Vec<usize> = Vec::new();
    let root = |merged_into: &[usize], mut group: usize| {
        while merged_into[group] != group {
            group = merged_into[group];
        }
        group
    };
    let mut own = Vec::with_capacity(page.len());
    for prospect in &page {
        let mut mine = merged_into.len();
        merged_into.push(mine);
        for key in keys(prospect, identities) {
            let theirs = root(&merged_into, *group_of.entry(key).or_insert(mine));
            let older = mine.min(theirs);
            merged_into[mine] = older;
            merged_into[theirs] = older;
            mine = older;
        }
        own.push(mine);
    }
    let roots: Vec<usize> = own.iter().map(|group| root(&merged_into, *group)).collect();
    let mut groups: BTreeMap<usize, Vec<Prospect>> = BTreeMap::new();
    for (prospect, root) in page.into_iter().zip(roots) {
        groups.entry(root).or_default().push(prospect);
    }
    groups.into_values().collect()
}

/// What two prospects share who may be the same person.
#[derive(PartialEq, Eq, Hash)]
enum Key<'p> {
    /// An address or a profile, hashed.
    Identity(&'p [u8]),
    /// The candidate, as Dover names them.
    Dover(&'p DoverCandidateId),
    /// Somebody in Ashby.
    Ashby(&'p CandidateId),
}

fn keys<'p>(prospect: &'p Prospect, identities: &'p Identities) -> impl Iterator<Item = Key<'p>> {
    let own = identities
        .keys(prospect.id)
        .iter()
        .map(|key| Key::Identity(key));
    let people = identities.of(prospect.id).chain(&prospect.candidate);
    own.chain([Key::Dover(&prospect.dover_candidate_id)])
        .chain(people.map(Key::Ashby))
}
