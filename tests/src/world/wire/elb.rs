//! ELBv2: awsQuery, that is, forms in and XML out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::{Matter, Reply, Request, pairs};
use crate::markup::escaped;
use crate::world::api::{Api, Service};
use crate::world::invariants::Asker;
use crate::world::setup::RegisteringWhatDrains;
use crate::world::state::State;
use crate::world::targets::Address;

const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

pub(super) fn recognise(body: &[u8]) -> Request {
    let form = pairs(&String::from_utf8_lossy(body));
    let name = form.get("Action").map_or("", String::as_str);
    let group = form.get("TargetGroupArn").cloned();
    let targets = targets(&form).into_iter().map(|(id, port)| match port {
        Some(port) => format!("{id}:{port}"),
        None => id,
    });
    let subjects = group.into_iter().chain(targets).collect();
    Request {
        service: Service::Elb,
        api: Api::named(name, &Api::ELB),
        subjects,
        matter: Matter::Elb(form),
    }
}

pub(super) fn error(status: u16, code: &'static str, message: &str) -> Reply {
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    let message = escaped(message);
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
    );
    Reply::new(status, "text/xml", body).coded(code)
}

fn answer(api: Api, result: &str) -> Reply {
    let body = format!(
        "<{api}Response xmlns=\"{NAMESPACE}\"><{api}Result>{result}</{api}Result>\
         <ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{api}Response>"
    );
    Reply::new(200, "text/xml", body)
}

/// `Targets.member.N.Id` and `.Port`, in order.
fn targets(form: &BTreeMap<String, String>) -> Vec<(String, Option<u16>)> {
    let field = |n: usize, name: &str| form.get(&format!("Targets.member.{n}.{name}"));
    let found = (1..).map_while(|n| {
        Some((field(n, "Id")?.clone(), field(n, "Port").and_then(|port| port.parse().ok())))
    });
    found.collect()
}

impl State {
    /// A read is answered as of `seen`.
    pub(crate) fn elb(
        &mut self,
        asker: &Asker,
        api: Api,
        form: &BTreeMap<String, String>,
        (now, seen): (Timestamp, Timestamp),
    ) -> Reply {
        let result = match api {
            Api::DescribeTargetGroups => self.describe_target_groups(form),
            Api::DescribeTargetHealth => self.describe_target_health(form, (now, seen)),
            Api::RegisterTargets => self.register_targets(asker, form, now),
            Api::DeregisterTargets => self.deregister_targets(asker, form, now),
            _ => Err(error(400, "InvalidAction", "the world does not model this operation")),
        };
        result.map_or_else(|refusal| refusal, |body| answer(api, &body))
    }

    /// Simplified: never paged.
    fn describe_target_groups(&self, form: &BTreeMap<String, String>) -> Result<String, Reply> {
        let listed = |prefix: &str| -> Vec<&String> {
            (1..).map_while(|n| form.get(&format!("{prefix}.member.{n}"))).collect()
        };
        let (arns, names) = (listed("TargetGroupArns"), listed("Names"));
        let unknown = arns.iter().any(|arn| !self.groups.contains_key(*arn))
            || names.iter().any(|name| !self.groups.values().any(|group| group.name == **name));
        if unknown {
            return Err(not_found());
        }
        let all = arns.is_empty() && names.is_empty();
        let mut body = "<TargetGroups>".to_owned();
        for (arn, group) in &self.groups {
            if all || arns.contains(&arn) || names.contains(&&group.name) {
                let made = &group.made;
                let path = made.health_path.as_ref().unwrap_or(&self.setup.health_path);
                let balancers = if made.is_routed_to {
                    "<member>arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/sessions/1\
                     </member>"
                } else {
                    ""
                };
                let _ = write!(
                    body,
                    "<member><TargetGroupArn>{arn}</TargetGroupArn><TargetGroupName>{}</TargetGroupName>\
                     <Protocol>HTTP</Protocol><Port>{}</Port><VpcId>vpc-0a1b2c3d</VpcId>\
                     <HealthCheckEnabled>{}</HealthCheckEnabled>\
                     <HealthCheckPort>traffic-port</HealthCheckPort><HealthCheckPath>{}</HealthCheckPath>\
                     <TargetType>{}</TargetType><LoadBalancerArns>{balancers}</LoadBalancerArns></member>",
                    escaped(&group.name),
                    made.port.unwrap_or(self.setup.port),
                    made.is_checked,
                    escaped(path),
                    escaped(&made.target_type),
                );
            }
        }
        Ok(body + "</TargetGroups>")
    }

    fn group(&self, form: &BTreeMap<String, String>) -> Result<String, Reply> {
        let arn = form.get("TargetGroupArn").cloned().unwrap_or_default();
        if self.groups.contains_key(&arn) { Ok(arn) } else { Err(not_found()) }
    }

    /// The targets of a group that a form names. Simplified: IPv4 addresses only, of any network; where it takes
    /// anything, what is no address is left out.
    fn addresses(
        &self,
        group: &str,
        form: &BTreeMap<String, String>,
    ) -> Result<Vec<Address>, Reply> {
        let takes_any_id = self.groups[group].made.takes_any_id;
        let parsed = targets(form).into_iter().filter_map(|(id, port)| match id.parse() {
            Ok(ip) => Some(Ok((ip, port.unwrap_or(self.setup.port)))),
            Err(_) if takes_any_id => None,
            Err(_) => Some(Err(error(
                400,
                "InvalidTarget",
                &format!("The IP address '{id}' is not a valid IPv4 address"),
            ))),
        });
        parsed.collect()
    }

    /// What a form names that is no address, in a group that takes it.
    fn no_addresses(
        &mut self,
        group: &str,
        form: &BTreeMap<String, String>,
    ) -> (Vec<String>, &mut BTreeSet<String>) {
        let ids = targets(form).into_iter().map(|(id, _)| id);
        let ids = ids.filter(|id| id.parse::<Ipv4Addr>().is_err()).collect();
        (ids, &mut self.groups.get_mut(group).expect("it was found").no_addresses)
    }

    fn describe_target_health(
        &mut self,
        form: &BTreeMap<String, String>,
        (now, seen): (Timestamp, Timestamp),
    ) -> Result<String, Reply> {
        let group = self.group(form)?;
        self.drain(&group, now);
        let mut addresses = self.addresses(&group, form)?;
        if addresses.is_empty() {
            let all = self.groups[&group].addresses();
            addresses
                .extend(all.into_iter().filter(|one| self.as_read(&group, *one, seen).is_some()));
        }
        let mut body = "<TargetHealthDescriptions>".to_owned();
        for (ip, port) in addresses {
            let target = self.as_read(&group, (ip, port), seen);
            let zone = target.and_then(|target| target.zone.as_ref());
            let zone = zone.map(|zone| format!("<AvailabilityZone>{zone}</AvailabilityZone>"));
            let health = self.health_of(target, (ip, port), seen);
            let _ = write!(
                body,
                "<member><HealthCheckPort>{port}</HealthCheckPort><Target><Id>{ip}</Id><Port>{port}</Port>{}\
                 </Target><TargetHealth><State>{}</State>",
                zone.unwrap_or_default(),
                health.state
            );
            if let Some(reason) = health.reason {
                let _ =
                    write!(body, "<Reason>{reason}</Reason><Description>{reason}</Description>");
            }
            body += "</TargetHealth></member>";
        }
        for id in &self.groups[&group].no_addresses {
            let _ = write!(
                body,
                "<member><Target><Id>{}</Id></Target><TargetHealth><State>unused</State></TargetHealth></member>",
                escaped(id)
            );
        }
        Ok(body + "</TargetHealthDescriptions>")
    }

    fn register_targets(
        &mut self,
        asker: &Asker,
        form: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<String, Reply> {
        let group = self.group(form)?;
        let addresses = self.addresses(&group, form)?;
        self.judge_group_write(asker, Api::RegisterTargets, &group);
        self.drain(&group, now);
        self.judge_zones(&group, form)?;
        let (ids, registered) = self.no_addresses(&group, form);
        registered.extend(ids);
        let drains = |address: &Address| {
            let target = self.groups.get(&group).and_then(|group| group.targets.get(address));
            target.is_some_and(|target| target.deregistered_at.is_some())
        };
        let drain: Vec<Address> = addresses.iter().copied().filter(drains).collect();
        for address in &addresses {
            self.judge_registration(asker, &group, *address);
        }
        let ignored = match self.setup.health.registering_what_drains {
            RegisteringWhatDrains::Works => Vec::new(),
            RegisteringWhatDrains::IsRefused if drain.is_empty() => Vec::new(),
            RegisteringWhatDrains::IsRefused => {
                return Err(error(400, "InvalidTarget", "The target is being deregistered"));
            }
            RegisteringWhatDrains::IsIgnored => drain,
        };
        for address in addresses.into_iter().filter(|address| !ignored.contains(address)) {
            self.judge.registered(&group, address);
            let Some(group) = self.groups.get_mut(&group) else { continue };
            let target = group.targets.get(&address);
            if target.is_none_or(|target| target.deregistered_at.is_some()) {
                group.register(address, now);
            }
        }
        Ok(String::new())
    }

    /// An address outside the group's VPC needs the zone `all`, and no other address has it.
    fn judge_zones(&self, group: &str, form: &BTreeMap<String, String>) -> Result<(), Reply> {
        for (n, (id, _)) in (1..).zip(targets(form)) {
            let zone = form.get(&format!("Targets.member.{n}.AvailabilityZone"));
            let everywhere = zone.is_some_and(|zone| zone == "all");
            let outside = id.parse().is_ok_and(|ip| self.groups[group].outside.contains(&ip));
            if outside != everywhere {
                let place = if outside { "outside" } else { "in" };
                let problem = format!("the IP address '{id}' lies {place} the VPC: wrong zone");
                return Err(error(400, "InvalidTarget", &problem));
            }
        }
        Ok(())
    }

    fn deregister_targets(
        &mut self,
        asker: &Asker,
        form: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<String, Reply> {
        let group = self.group(form)?;
        let addresses = self.addresses(&group, form)?;
        self.judge_group_write(asker, Api::DeregisterTargets, &group);
        self.drain(&group, now);
        let (ids, registered) = self.no_addresses(&group, form);
        registered.retain(|id| !ids.contains(id));
        for address in addresses {
            self.judge_repetition(asker, &group, address.0);
            self.judge_looks(asker, address.0);
            self.judge_removal(asker, &group, address);
            let of = self.groups.get_mut(&group).map(|group| {
                group.changes(address, now);
                group.targets.get_mut(&address)
            });
            let target = of.flatten();
            if let Some(target) = target.filter(|target| target.deregistered_at.is_none()) {
                target.deregistered_at = Some(now);
                self.judge.taken(&group, address);
            }
        }
        Ok(String::new())
    }
}

fn not_found() -> Reply {
    error(400, "TargetGroupNotFound", "One or more target groups not found")
}
