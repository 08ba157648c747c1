use crate::world::Setup;

/// The emulator has no network of its own, and takes any subnet and security group.
pub const NETWORK: (&str, &str) = ("subnet-0123456789abcdef0", "sg-0123456789abcdef0");

/// A platform whose containers upload artifacts, as the template is told of it.
#[derive(Debug)]
pub struct Platform {
    cluster: String,
    family: String,
    group: String,
    bucket: String,
}

impl Platform {
    /// The first cluster, family and target group of a world, and its bucket.
    #[must_use]
    pub fn of(setup: &Setup) -> Self {
        Self {
            cluster: setup.cluster_arn(&setup.clusters[0]),
            family: setup.families[0].clone(),
            group: setup.target_group_arn(&setup.target_groups[0]),
            bucket: setup.artifact_bucket.clone(),
        }
    }

    /// The same with tasks of another family, and without a load balancer.
    #[must_use]
    pub fn of_a_pool(setup: &Setup, family: &str) -> Self {
        Self { family: family.to_owned(), group: String::new(), ..Self::of(setup) }
    }

    /// The parameters that such a platform does not go without, and `more`.
    #[must_use]
    pub fn parameters<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let needed = [
            ("Clusters", self.cluster.as_str()),
            ("Families", &self.family),
            ("TargetGroupArns", &self.group),
            ("ArtifactBucket", &self.bucket),
            ("SubnetIds", NETWORK.0),
            ("SecurityGroupIds", NETWORK.1),
        ];
        [&needed, more].concat()
    }
}
