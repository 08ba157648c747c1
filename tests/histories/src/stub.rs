#![allow(missing_docs)]
use serde::{Deserialize, Serialize};
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FaultKind { Throttled, Denied, ServerError, Reset, Refused, Hangs, AnswerLost, AnswerHangs }
impl FaultKind { pub const ALL: [Self; 8] = [Self::Throttled, Self::Denied, Self::ServerError, Self::Reset, Self::Refused, Self::Hangs, Self::AnswerLost, Self::AnswerHangs]; }
impl std::fmt::Display for FaultKind { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self:?}") } }
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Met { pub kind: FaultKind }
impl std::fmt::Display for Met { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self:?}") } }
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weather(pub Vec<(FaultKind, f64)>);
impl Weather { pub fn none() -> Self { Self(Vec::new()) } pub fn with(mut self, k: FaultKind, s: f64) -> Self { self.0.push((k, s)); self }
 pub fn real(&self) -> session_cleanup_tests::world::Weather {
  let mut w = session_cleanup_tests::world::Weather::default();
  for (k, s) in &self.0 { match k { FaultKind::Throttled => w.throttled=*s, FaultKind::Denied => w.denied=*s, FaultKind::ServerError => w.server_error=*s, FaultKind::Reset => w.reset=*s, FaultKind::Refused => w.refused=*s, FaultKind::Hangs => w.hangs=*s, FaultKind::AnswerLost => w.answer_lost=*s, FaultKind::AnswerHangs => w.answer_hangs=*s } }
  w } }
impl std::fmt::Display for Weather { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{:?}", self.0) } }
