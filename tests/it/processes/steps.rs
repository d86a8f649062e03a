//! The steps of a run: every call to Ashby and every commit, each with the moment before it and the moment after it. They
//! are counted, and at the one that was asked for the program is killed.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::holds::Holds;

/// A moment at which a crash may leave something half done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A call was sent, and Ashby has not seen it yet.
    BeforeCall(String),
    /// Ashby has done what was asked, and its answer is not here yet.
    AfterCall(String),
    /// A commit was sent, and Postgres has not seen it yet.
    BeforeCommit,
    /// Postgres has committed, and its answer is not here yet.
    AfterCommit,
}

/// What becomes of what waits at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It goes on.
    Free,
    /// The program is dead: neither what it sent nor what it was sent arrives.
    Dead,
}

/// Counts steps and kills at one of them.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// What is held on its way.
    pub(crate) holds: Holds,
    armed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    passed: Vec<Step>,
    /// Who is killed, and at which step.
    kill: Option<(Pid, usize)>,
    killed_at: Option<Step>,
}

impl Steps {
    /// Counts from here on. With `kill` that process is killed at the step of that number, from 0.
    pub(crate) fn count(&self, kill: Option<(Pid, usize)>) {
        *self.state.lock().unwrap() = State {
            kill,
            ..State::default()
        };
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Counts no longer. Answers the steps that were counted, and the one at which the program was killed.
    pub(crate) fn done(&self) -> (Vec<Step>, Option<Step>) {
        self.armed.store(false, Ordering::SeqCst);
        let state = std::mem::take(&mut *self.state.lock().unwrap());
        (state.passed, state.killed_at)
    }

    /// A step is reached. After the kill nothing counts; what the dead one had sent already takes its course.
    pub(crate) fn reach(&self, step: Step) -> Passage {
        if !self.armed.load(Ordering::SeqCst) {
            return Passage::Free;
        }
        let mut state = self.state.lock().unwrap();
        if state.killed_at.is_some() {
            return Passage::Free;
        }
        let number = state.passed.len();
        state.passed.push(step.clone());
        match state.kill {
            Some((victim, at)) if at == number => {
                kill(victim, Signal::SIGKILL).unwrap();
                state.killed_at = Some(step);
                Passage::Dead
            }
            _ => Passage::Free,
        }
    }
}
