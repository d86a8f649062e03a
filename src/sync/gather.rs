//! Gathers the [`Situation`] of each prospect: whatever the decision may depend on, a page at a time and in a fixed
//! number of statements.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Sync, SyncError,
    brake::Brake,
    doubt, erase, fields,
    identities::Identities,
    look::{Known, Picture},
    person::{or_untold, untold},
    settings::Policies,
    shared_look::SharedLook,
};
use crate::{
    ashby::AshbyClient,
    ids::{
        ApplicationId, ConnectionId, DoverJobId, ErasureId, LeaseToken, ProspectId, TagId, UserId,
    },
    plan::{
        Situation,
        brake::Answer,
        credit::Credit,
        exclusion::Exclusion,
        situation::{Person, Registration, Setup},
    },
    store::{self, intent::Intent, job::Job, note::OpenNotes, prospect::Prospect},
};

/// Prospects that a flush weighs or decides together: they share the statements that gather what they need.
pub(super) const PAGE: i64 = 400;

/// How many open notes of a prospect are gathered: more than are written in one flush, so that whatever is only let go of
/// does not hold up what is to be written.
pub(super) const NOTES_AT_ONCE: i64 = 100;

/// What all prospects of a flush have in common.
pub(super) struct Scene<'a> {
    pub(super) sync: &'a Sync,
    pub(super) connection: ConnectionId,
    pub(super) ashby: AshbyClient,
    /// The lease under which things are done; a preview has none, and does nothing.
    pub(super) lease: Option<LeaseToken>,
    pub(super) setup: Setup,
    pub(super) jobs: HashMap<DoverJobId, Job>,
    pub(super) picture: Picture,
    /// The look that changes share.
    pub(super) shared_look: SharedLook,
    pub(super) brake: Brake,
    pub(super) policies: Policies,
    /// How long the outcome of a create is looked for before somebody is asked.
    pub(super) ask_after: TimeDelta,
    /// Whose creates somebody says, in a preview, have not happened.
    pub(super) refuted: HashSet<ProspectId>,
    /// The tags that were asked for, by their titles.
    pub(super) tags: tokio::sync::Mutex<HashMap<String, TagId>>,
    /// The users that were looked for, by the keyed hashes of their addresses; `None`: nobody has that address.
    pub(super) users: tokio::sync::Mutex<HashMap<Vec<u8>, Option<UserId>>>,
    /// The custom fields that there are, once they are needed.
    pub(super) fields: fields::Known,
}

/// A prospect with all that its decision may depend on.
pub(super) struct Case {
    pub(super) prospect: Prospect,
    pub(super) situation: Situation,
    /// When the application was last looked at.
    pub(super) looked_at: Option<DateTime<Utc>>,
    /// Whether the brake holds it, or held it until an admin answered.
    pub(super) held: Option<Hold>,
    /// The person was erased while this was being folded: what is kept of them is to go as well.
    pub(super) to_be_emptied: Option<ErasureId>,
    /// The notes that are owed or in doubt.
    pub(super) notes: OpenNotes,
}

/// That the brake holds a prospect.
pub(super) struct Hold {
    /// What an admin answered, where one did.
    pub(super) answer: Option<Answer>,
}

/// What the mirror says of a page of prospects.
pub(super) struct Mirrored {
    /// Who those are who are not linked.
    pub(super) identities: Identities,
    pub(super) applications: HashMap<ApplicationId, store::mirror::Known>,
    pub(super) intents: HashMap<ProspectId, Intent>,
    held: HashMap<ProspectId, Option<Answer>>,
    /// Keys of people whose creation is in doubt.
    pub(super) doubtful: HashMap<Vec<u8>, Person>,
    /// Who is on the exclusion list, of those who are not linked.
    excluded: HashMap<ProspectId, Exclusion>,
    /// Who was erased.
    erased: HashMap<ProspectId, ErasureId>,
    notes: HashMap<ProspectId, OpenNotes>,
}

impl Scene<'_> {
    /// The cases of `prospects`, in the same order.
    pub(super) async fn gather(&self, prospects: Vec<Prospect>) -> Result<Vec<Case>, SyncError> {
        let identities = self.identities(strangers(&prospects)).await?;
        self.gather_known(prospects, identities).await
    }

    /// The same, where the identities of whoever of `prospects` is not linked are known already.
    pub(super) async fn gather_known(
        &self,
        prospects: Vec<Prospect>,
        identities: Identities,
    ) -> Result<Vec<Case>, SyncError> {
        let mirrored = self.mirrored(&prospects, identities).await?;
        let mut cases = Vec::with_capacity(prospects.len());
        for prospect in prospects {
            cases.push(self.case(prospect, &mirrored).await?);
        }
        Ok(cases)
    }

    /// The case of one prospect, from the latest that is known.
    pub(super) async fn gather_one(&self, id: ProspectId) -> Result<Option<Case>, SyncError> {
        let Some(prospect) = store::prospect::by_id(&self.sync.pool, self.connection, id).await?
        else {
            return Ok(None);
        };
        Ok(self.gather(vec![prospect]).await?.pop())
    }

    async fn mirrored(
        &self,
        prospects: &[Prospect],
        identities: Identities,
    ) -> Result<Mirrored, SyncError> {
        let pool = &self.sync.pool;
        let linked: Vec<String> = prospects
            .iter()
            .filter_map(|prospect| prospect.application.as_ref())
            .map(|id| id.0.clone())
            .collect();
        let known = prospects
            .iter()
            .filter_map(|prospect| prospect.candidate.as_ref());
        let people: HashSet<String> = strangers(prospects)
            .flat_map(|prospect| identities.of(prospect.id))
            .chain(known)
            .map(|id| id.0.clone())
            .collect();
        let people: Vec<String> = people.into_iter().collect();
        let applications =
            store::mirror::applications(pool, self.connection, &linked, &people).await?;

        let ids: Vec<ProspectId> = prospects.iter().map(|prospect| prospect.id).collect();
        let intents = store::intent::open(pool, self.connection, Some(&ids)).await?;
        let held = store::brake::answers(pool, &ids).await?;
        let doubtful = if strangers(prospects).next().is_none() {
            HashMap::new()
        } else {
            self.doubtful().await?
        };
        let known_by = prospects.iter();
        let known_by = known_by.map(|prospect| (prospect.id, self.known_by(prospect, &identities)));
        let known_by: Vec<_> = known_by.collect();
        let excluded = self.excluded(prospects, &intents).await?;
        let notes = store::note::open(pool, &ids, NOTES_AT_ONCE).await?;
        Ok(Mirrored {
            notes: notes.into_iter().collect(),
            erased: erase::erased(pool, self.connection, &known_by).await?,
            excluded,
            identities,
            held,
            doubtful,
            applications: applications
                .into_iter()
                .map(|known| (known.id.clone(), known))
                .collect(),
            intents: intents
                .into_iter()
                .map(|intent| (intent.prospect, intent))
                .collect(),
        })
    }

    /// The hashes by which tombstones would know a prospect.
    fn known_by(&self, prospect: &Prospect, identities: &Identities) -> Vec<Vec<u8>> {
        let (who, contact) = (&prospect.dover_candidate_id, &prospect.says.contact);
        match identities.known_keys(prospect.id) {
            Some(keys) => {
                let mut hashes = keys.to_vec();
                hashes.push(self.sync.vault.dover_hash(self.connection, who));
                hashes
            }
            None => erase::hashes(self.sync, self.connection, who, contact),
        }
    }

    /// Who was to be created and may have been: nobody of the same address or profile is created beside them.
    async fn doubtful(&self) -> Result<HashMap<Vec<u8>, Person>, SyncError> {
        let mut doubtful = HashMap::new();
        for (says, intent) in store::intent::creating(&self.sync.pool, self.connection).await? {
            if let Some(person) = self.doubt(&intent) {
                let keys = doubt::keys(self.sync, self.connection, &says, &intent);
                doubtful.extend(keys.into_iter().map(|key| (key, person.clone())));
            }
        }
        Ok(doubtful)
    }

    async fn case(&self, prospect: Prospect, mirrored: &Mirrored) -> Result<Case, SyncError> {
        let job = self.jobs.get(&prospect.dover_job_id);
        let person = match job {
            _ if mirrored.erased.contains_key(&prospect.id) => Person::Erased,
            _ if let Some(exclusion) = mirrored.excluded.get(&prospect.id) => {
                Person::Excluded(exclusion.clone())
            }
            // Without a job nothing of the person matters, and nothing needs to be asked.
            None => Person::Nobody,
            Some(job) => {
                let person = self.person(&prospect, &job.ashby_job_id, mirrored);
                let person = or_untold(person.await)?;
                self.unless_excluded(&prospect, person, mirrored).await?
            }
        };
        let policy = self.policies.of(&prospect);
        let is_to_be_created = matches!(
            person,
            Person::Nobody
                | Person::Found {
                    application: None,
                    ..
                }
        );
        let credit = match job {
            Some(_) if is_to_be_created => self.credit(&prospect.says, &policy).await,
            _ => Ok(Credit::default()),
        };
        let (person, credit) = match credit {
            Ok(credit) => (person, credit),
            Err(SyncError::Ashby(error)) => (Person::Untold(untold(error)?), Credit::default()),
            Err(error) => return Err(error),
        };
        let looked_at = match &person {
            Person::Linked(application)
            | Person::Found {
                application: Some(application),
                ..
            } => mirrored
                .applications
                .get(&application.id)
                .map(|known| self.seen_at(known)),
            _ => None,
        };
        let situation = Situation {
            dover: Arc::clone(&prospect.says),
            registration: job.map_or(Registration::Unknown, |job| {
                Registration::Registered(job.as_registered())
            }),
            person,
            applied_at: prospect.applied_at,
            setup: self.setup.clone(),
            policy,
            credit,
        };
        let erased = mirrored.erased.get(&prospect.id).copied();
        Ok(Case {
            held: mirrored.held.get(&prospect.id).map(|answer| Hold {
                answer: answer.clone(),
            }),
            to_be_emptied: erased.filter(|_| !prospect.is_erased),
            notes: mirrored
                .notes
                .get(&prospect.id)
                .cloned()
                .unwrap_or_default(),
            prospect,
            situation,
            looked_at,
        })
    }

    /// An application that the look at the whole list did not mention is as it was before.
    fn seen_at(&self, known: &store::mirror::Known) -> DateTime<Utc> {
        match self.picture.applications {
            Known::Current => known.looked_at.max(self.picture.applications_at),
            Known::Stale | Known::Learning { .. } => known.looked_at,
        }
    }
}

/// Those of `prospects` that are not linked to an application.
fn strangers(prospects: &[Prospect]) -> impl Iterator<Item = &Prospect> {
    prospects
        .iter()
        .filter(|prospect| prospect.application.is_none())
}
