use super::*;

const TASK: &str = "arn:aws:ecs:us-east-1:000000000000:task/sessions/0123abcd";

#[test]
fn a_task_arn_yields_its_cluster_id_and_home() {
    let (arn, home) = TaskArn::parse(TASK).unwrap();
    assert_eq!(arn.cluster().as_str(), "sessions");
    assert_eq!(arn.id(), "0123abcd");
    assert_eq!(home.to_string(), "aws:us-east-1:000000000000");
}

#[test]
fn a_short_task_arn_is_that_of_a_task_of_the_cluster_it_was_listed_in() {
    let cluster = ClusterName::parse("sessions").unwrap();
    let short = TaskArn::parse_in(&TASK.replace("sessions/", ""), &cluster).unwrap();
    let long = TaskArn::parse_in(TASK, &cluster).unwrap();
    assert_eq!((short.id(), short.cluster()), ("0123abcd", &cluster));
    assert!(short.as_str().ends_with(":task/0123abcd"), "AWS is asked with its own words");
    assert_eq!(short, long);
    assert_eq!(String::from(short), TASK, "on record in the long form");
    assert_eq!(String::from(long), TASK);
    for wrong in ["0123abcd", "task/0123abcd", "arn:aws:ecs:us-east-1:000000000000:task/"] {
        assert!(TaskArn::parse_in(wrong, &cluster).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_not_a_task_of_a_named_cluster_is_refused() {
    for text in [
        "",
        "task/sessions/0123abcd",
        "arn:aws:ecs:us-east-1:000000000000:task/0123abcd",
        "arn:aws:ecs:us-east-1:000000000000:service/sessions/0123abcd",
        "arn:aws:ecs:us-east-1:1:task/sessions/0123abcd",
        "arn:aws:ecs::000000000000:task/sessions/0123abcd",
        "arn:aws:ecs:us-east-1:000000000000:task/sessions/",
        "arn:aws:ecs:us-east-1:000000000000:task/sessions/../x",
        "arn:aws:ecs:us-east-1:000000000000:task/ses sions/0123abcd",
        "arn:aws:s3:us-east-1:000000000000:task/sessions/0123abcd",
    ] {
        assert!(TaskArn::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_target_group_arn_names_group_and_id() {
    let good = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sessions/0123";
    assert!(TargetGroupArn::parse(good).is_ok());
    assert!(TargetGroupArn::parse(&good.replace("targetgroup/", "loadbalancer/")).is_err());
    assert!(TargetGroupArn::parse(TASK).is_err());
}

#[test]
fn neither_the_name_of_a_target_group_nor_its_id_may_be_what_aws_makes_none_of() {
    for path in ["ses sions/0123", "sessions/01 23", "/0123", "sessions/", "sessions", "a/b/c"] {
        let text =
            format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{path}");
        assert!(TargetGroupArn::parse(&text).is_err(), "{text}");
    }
}

/// The cluster that is named beside it says where its task is, and nothing of whose it is.
#[test]
fn a_short_task_arn_is_of_the_cluster_beside_it_only_where_both_are_of_one_account() {
    const CLUSTER: &str = "arn:aws:ecs:us-east-1:000000000000:cluster/sessions";
    let short = TASK.replace("sessions/", "");
    let (task, home) = TaskArn::parse_beside(&short, CLUSTER).unwrap();
    assert_eq!((String::from(task), home), (TASK.to_owned(), TaskArn::parse(TASK).unwrap().1));
    for elsewhere in [
        CLUSTER.replace("000000000000", "111111111111"),
        CLUSTER.replace("us-east-1", "us-west-2"),
        CLUSTER.replace("arn:aws:", "arn:aws-cn:"),
    ] {
        assert!(TaskArn::parse_beside(&short, &elsewhere).is_err(), "{elsewhere}");
        assert_eq!(TaskArn::parse_beside(TASK, &elsewhere).unwrap().0.as_str(), TASK);
    }
}
