use super::ecs_name::is_ecs_name;
use crate::page::printable;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// Why a text is not the ARN that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}: {problem}")]
pub struct ArnError {
    text: String,
    wanted: &'static str,
    problem: String,
}

impl ArnError {
    fn new(text: &str, wanted: &'static str, problem: impl Into<String>) -> Self {
        // A hostile event may carry anything here; the log gets a readable beginning of it.
        let text = printable(text).chars().take(200).collect();
        Self { text, wanted, problem: problem.into() }
    }
}

/// Where everything that we touch lives: one partition, one Region, one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// For example `eu-central-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.partition, self.region, self.account)
    }
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, taken apart.
fn split<'a>(
    text: &'a str,
    service: &str,
    wanted: &'static str,
) -> Result<(Home, &'a str), ArnError> {
    let wrong = |problem: &str| ArnError::new(text, wanted, problem);
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().ok_or_else(|| wrong("it has too few parts"));
    if next()? != "arn" {
        return Err(wrong("it does not start with `arn:`"));
    }
    let partition = next()?.to_owned();
    if next()? != service {
        return Err(wrong(&format!("its service is not `{service}`")));
    }
    let region = next()?.to_owned();
    let account = next()?.to_owned();
    let resource = next()?;
    if !is_of_aws(&partition) || !is_of_aws(&region) {
        return Err(wrong("its partition or Region is not 1 to 63 of a-z 0-9 -"));
    }
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("its account is not twelve digits"));
    }
    Ok((Home { partition, region, account }, resource))
}

/// Whether AWS may call a partition or a Region so.
fn is_of_aws(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(fits)
}

/// The name of an ECS cluster: letters, digits, `-`, `_`, at most 255 (ECS `CreateCluster`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterName(String);

impl ClusterName {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`ArnError`] when it has a character that no cluster name has.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        if is_ecs_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ArnError::new(text, "a cluster name", "it is made of A-Z a-z 0-9 - _ only"))
        }
    }

    /// Checks a cluster's ARN (`arn:aws:ecs:REGION:ACCOUNT:cluster/NAME`) and takes it apart.
    ///
    /// # Errors
    /// [`ArnError`] says what keeps it from being a cluster's ARN.
    pub fn parse_arn(text: &str) -> Result<(Self, Home), ArnError> {
        const WANTED: &str = "a cluster ARN (arn:PARTITION:ecs:REGION:ACCOUNT:cluster/NAME)";
        let (home, resource) = split(text, "ecs", WANTED)?;
        let name = resource
            .strip_prefix("cluster/")
            .ok_or_else(|| ArnError::new(text, WANTED, "it is not of a cluster"))?;
        Ok((Self::parse(name)?, home))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ARN of a task: in the long form that names its cluster
/// (`arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID`), or, as AWS made them before 2018, in the short one
/// (`…:task/ID`), where the cluster is known otherwise. Both name the same task.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskArn {
    text: String,
    cluster: ClusterName,
    /// Where the account ends.
    home_ends: usize,
    /// Where the id begins.
    id_at: usize,
}

impl TaskArn {
    /// Checks `text` and takes it apart.
    ///
    /// # Errors
    /// [`ArnError`] says what keeps it from being a task's ARN.
    pub fn parse(text: &str) -> Result<(Self, Home), ArnError> {
        const WANTED: &str = "a task ARN (arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID)";
        let (home, resource) = split(text, "ecs", WANTED)?;
        let wrong = |problem: &str| ArnError::new(text, WANTED, problem);
        let path = resource.strip_prefix("task/").ok_or_else(|| wrong("it is not of a task"))?;
        let (cluster, id) =
            path.split_once('/').ok_or_else(|| wrong("it does not name its cluster"))?;
        let cluster = ClusterName::parse(cluster)?;
        Self::of(text, cluster, id).map(|arn| (arn, home))
    }

    /// That of a task of `cluster` by its id.
    ///
    /// # Errors
    /// [`ArnError`] says what keeps it from being a task's id.
    pub fn of_id(home: &Home, cluster: &ClusterName, id: &str) -> Result<Self, ArnError> {
        let Home { partition, region, account } = home;
        let text = format!("arn:{partition}:ecs:{region}:{account}:task/{cluster}/{id}");
        Self::of(&text, cluster.clone(), id)
    }

    /// The same of a task that is known to be of `cluster`: the short form will do.
    ///
    /// # Errors
    /// [`ArnError`] says what keeps it from being the ARN of a task of that cluster.
    pub fn parse_in(text: &str, cluster: &ClusterName) -> Result<Self, ArnError> {
        const WANTED: &str = "the ARN of a task of this cluster";
        let (_, resource) = split(text, "ecs", WANTED)?;
        match resource.strip_prefix("task/").filter(|path| !path.contains('/')) {
            Some(id) => Self::of(text, cluster.clone(), id),
            None => Self::parse(text).map(|(arn, _)| arn),
        }
    }

    /// The same of a task whose cluster is named beside it, where it is named at all.
    ///
    /// # Errors
    /// [`ArnError`] says what keeps `text` from being a task's ARN.
    pub fn parse_beside(text: &str, cluster_arn: &str) -> Result<(Self, Home), ArnError> {
        let Ok((cluster, home)) = ClusterName::parse_arn(cluster_arn) else {
            return Self::parse(text);
        };
        match Self::parse(text) {
            Err(_) if split(text, "ecs", "a task ARN")?.0 == home => {
                Self::parse_in(text, &cluster).map(|arn| (arn, home))
            }
            parsed => parsed,
        }
    }

    fn of(text: &str, cluster: ClusterName, id: &str) -> Result<Self, ArnError> {
        let wrong = |problem: &str| ArnError::new(text, "a task's ARN", problem);
        let well_formed = (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !well_formed {
            return Err(wrong("its task id is not 1 to 64 letters, digits or dashes"));
        }
        let id_at = text.len() - id.len();
        let home_ends = text.find(":task/").unwrap_or(text.len());
        Ok(Self { text: text.to_owned(), cluster, home_ends, id_at })
    }

    /// The ARN as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The cluster that the task runs in.
    #[must_use]
    pub fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    /// The last part: the id that names the task's receipt.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text.get(self.id_at..).unwrap_or_default()
    }
}

impl fmt::Display for TaskArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for TaskArn {
    type Error = ArnError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map(|(arn, _)| arn)
    }
}

/// On record always in the long form.
impl From<TaskArn> for String {
    fn from(arn: TaskArn) -> Self {
        let (start, id) = arn.text.split_at(arn.id_at);
        match start.strip_suffix(&format!("{}/", arn.cluster)) {
            Some(_) => arn.text,
            None => format!("{start}{}/{id}", arn.cluster),
        }
    }
}

impl TaskArn {
    /// What tells tasks apart, in whichever form their ARNs are written.
    fn key(&self) -> (&str, &ClusterName, &str) {
        let home = self.text.get(..self.home_ends).unwrap_or_default();
        (home, &self.cluster, self.id())
    }
}

impl PartialEq for TaskArn {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for TaskArn {}

impl PartialOrd for TaskArn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TaskArn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// The ARN of a target group (target type `ip`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetGroupArn(String);

impl TargetGroupArn {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`ArnError`] says what keeps it from being a target group's ARN.
    pub fn parse(text: &str) -> Result<(Self, Home), ArnError> {
        const WANTED: &str = "a target group ARN (arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID)";
        let (home, resource) = split(text, "elasticloadbalancing", WANTED)?;
        let is_group = resource
            .strip_prefix("targetgroup/")
            .and_then(|path| path.split_once('/'))
            .is_some_and(|(name, id)| is_ecs_name(name) && is_ecs_name(id));
        if is_group {
            Ok((Self(text.to_owned()), home))
        } else {
            Err(ArnError::new(text, WANTED, "it is not of a target group"))
        }
    }

    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TargetGroupArn {
    /// The group's own name, as people call it: its ARN is longer than a line.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or(&self.0)
    }
}

impl fmt::Display for TargetGroupArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TargetGroupArn {
    type Error = ArnError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map(|(arn, _)| arn)
    }
}

impl From<TargetGroupArn> for String {
    fn from(arn: TargetGroupArn) -> Self {
        arn.0
    }
}

#[cfg(test)]
mod tests;
