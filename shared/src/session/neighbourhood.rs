/// Tasks that packets of ours reach by one route: of one family, in one subnet. Security groups, route
/// tables and network ACLs belong to these two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbourhood {
    /// The family of their task definitions.
    pub family: String,
    /// The subnet of their network interfaces, where ECS shows it.
    pub subnet: Option<String>,
}
