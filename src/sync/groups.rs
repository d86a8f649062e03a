//! Which prospects may be the same person: those must not be created side by side.

use std::collections::{BTreeMap, HashMap};

use super::identities::Identities;
use crate::{
    plan::identity::{self, IdentityKey},
    store::prospect::Prospect,
};

/// Prospects that may be the same person, together and in order: those that share an address, a profile or an id of
/// Dover's, or somebody in Ashby, to whom they are linked or whom Ashby knows under one of their `identities`.
pub(super) fn groups(page: Vec<Prospect>, identities: &Identities) -> Vec<Vec<Prospect>> {
    let mut group_of: HashMap<String, usize> = HashMap::new();
    let mut merged_into: Vec<usize> = Vec::new();
    let root = |merged_into: &[usize], mut group: usize| {
        while merged_into[group] != group {
            group = merged_into[group];
        }
        group
    };
    let mut own = Vec::with_capacity(page.len());
    for prospect in &page {
        let mut keys: Vec<String> = identity::keys(&prospect.says.contact)
            .iter()
            .map(IdentityKey::tagged)
            .collect();
        keys.push(format!("dover:{}", prospect.dover_candidate_id));
        let people = identities.of(prospect.id).chain(&prospect.candidate);
        keys.extend(people.map(|candidate| format!("ashby:{candidate}")));
        let mut mine = merged_into.len();
        merged_into.push(mine);
        for key in keys {
            let theirs = root(&merged_into, *group_of.entry(key).or_insert(mine));
            let older = mine.min(theirs);
            merged_into[mine] = older;
            merged_into[theirs] = older;
            mine = older;
        }
        own.push(mine);
    }
    let mut groups: BTreeMap<usize, Vec<Prospect>> = BTreeMap::new();
    for (prospect, group) in page.into_iter().zip(own) {
        groups
            .entry(root(&merged_into, group))
            .or_default()
            .push(prospect);
    }
    groups.into_values().collect()
}
