//! Who of a page of prospects is on the exclusion list.

use std::collections::{HashMap, HashSet};

use super::{
    SyncError,
    exclude::{self, Somebody},
    gather::{Mirrored, Scene},
    look::Known,
};
use crate::{
    ids::ProspectId,
    plan::{exclusion::Exclusion, identity, situation::Person},
    store::{intent::Intent, prospect::Prospect},
};

impl Scene<'_> {
    /// Who is on the exclusion list. Whoever is linked is not asked about, nor whose creation is half done or in doubt: what
    /// has begun goes on.
    pub(super) async fn excluded(
        &self,
        prospects: &[Prospect],
        intents: impl IntoIterator<Item = &Intent>,
    ) -> Result<HashMap<ProspectId, Exclusion>, SyncError> {
        let begun: HashSet<ProspectId> =
            intents.into_iter().map(|intent| intent.prospect).collect();
        let strangers = prospects.iter().filter(|prospect| {
            prospect.application.is_none()
                && prospect.candidate.is_none()
                && !begun.contains(&prospect.id)
                && self.jobs.contains_key(&prospect.dover_job_id)
        });
        let strangers: Vec<&Prospect> = strangers.collect();
        if strangers.is_empty() {
            return Ok(HashMap::new());
        }
        let asked = strangers.iter().map(|prospect| {
            let (contact, job) = (&prospect.says.contact, &prospect.dover_job_id);
            let keys = identity::keys(contact);
            let company = contact.company.as_ref().map(|said| said.value.clone());
            Somebody::new(self.sync, self.connection, &keys, Some(job)).at(company)
        });
        let asked: Vec<Somebody> = asked.collect();
        let found = exclude::ask(self.sync, self.connection, &asked).await?;
        let found = strangers.iter().zip(found);
        Ok(found
            .filter_map(|(prospect, exclusion)| Some((prospect.id, exclusion?)))
            .collect())
    }

    /// While not every application was read, those of a person were only now looked at: asked again, for a rule may count
    /// them.
    pub(super) async fn unless_excluded(
        &self,
        prospect: &Prospect,
        person: Person,
        mirrored: &Mirrored,
    ) -> Result<Person, SyncError> {
        let is_looked_at =
            matches!(person, Person::Found { .. }) && self.picture.applications != Known::Current;
        if !is_looked_at {
            return Ok(person);
        }
        let (prospects, intent) = (
            std::slice::from_ref(prospect),
            mirrored.intents.get(&prospect.id),
        );
        let again = self.excluded(prospects, intent).await?;
        let excluded = again.into_values().next();
        Ok(excluded.map_or(person, Person::Excluded))
    }
}
