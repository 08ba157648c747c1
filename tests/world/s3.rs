//! S3.

use aws_sdk_s3::primitives::ByteStream;
use session_cleanup_tests::World;
use session_cleanup_tests::world::{Api, Fault, Setup};

use crate::clients::Clients;

fn code<E: aws_sdk_s3::error::ProvideErrorMetadata>(error: &E) -> Option<&str> {
    error.code()
}

#[tokio::test(start_paused = true)]
async fn objects_are_written_and_read() {
    let world = World::new(Setup::default());
    let s3 = Clients::of(&world, "a").s3;
    let body = ByteStream::from_static(b"{\"a b\": 1}");
    let put = s3.put_object().bucket("ledger").key("receipts/a b+c.json").body(body).send().await;
    let etag = put.unwrap().e_tag().unwrap().to_owned();
    assert_eq!(world.keys("ledger"), ["receipts/a b+c.json"]);
    assert_eq!(world.receipts()["a b+c"]["a b"], 1);
    let got = s3.get_object().bucket("ledger").key("receipts/a b+c.json").send().await.unwrap();
    assert_eq!(got.e_tag(), Some(etag.as_str()));
    assert_eq!(got.last_modified().unwrap().secs(), world.now().as_second());
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"{\"a b\": 1}");
    let head = s3.head_object().bucket("ledger").key("receipts/a b+c.json").send().await.unwrap();
    assert_eq!(head.content_length(), Some(10));
    s3.delete_object().bucket("ledger").key("receipts/a b+c.json").send().await.unwrap();
    let head = s3.head_object().bucket("ledger").key("receipts/a b+c.json").send().await;
    assert!(head.unwrap_err().into_service_error().is_not_found());
    let get = s3.get_object().bucket("ledger").key("receipts/a b+c.json").send().await;
    assert!(get.unwrap_err().into_service_error().is_no_such_key());
    let nowhere = s3.get_object().bucket("nowhere").key("x").send().await.unwrap_err();
    assert_eq!(code(&nowhere.into_service_error()), Some("NoSuchBucket"));
}

#[tokio::test(start_paused = true)]
async fn a_streamed_body_arrives_without_its_chunks() {
    let world = World::new(Setup::default());
    let s3 = Clients::of(&world, "a").s3;
    let path = std::env::temp_dir().join(format!("world-{}", std::process::id()));
    let content = "0123456789abcdef".repeat(5000);
    std::fs::write(&path, &content).unwrap();
    let body = ByteStream::from_path(&path).await.unwrap();
    s3.put_object().bucket("ledger").key("big").body(body).send().await.unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(world.object("ledger", "big").unwrap(), content);
}

#[tokio::test(start_paused = true)]
async fn writes_are_conditional() {
    let world = World::new(Setup::default());
    let s3 = Clients::of(&world, "a").s3;
    let put = |body: &'static str| {
        s3.put_object().bucket("ledger").key("k").body(ByteStream::from_static(body.as_bytes()))
    };
    let absent = put("0").if_match("\"x\"").send().await.unwrap_err().into_service_error();
    assert_eq!(code(&absent), Some("NoSuchKey"));
    let first = put("1").if_none_match("*").send().await.unwrap().e_tag().unwrap().to_owned();
    let again = put("2").if_none_match("*").send().await.unwrap_err();
    assert_eq!(again.raw_response().unwrap().status().as_u16(), 412);
    assert_eq!(code(&again.into_service_error()), Some("PreconditionFailed"));
    put("3").if_match(&first).send().await.unwrap();
    let stale = put("4").if_match(&first).send().await.unwrap_err().into_service_error();
    assert_eq!(code(&stale), Some("PreconditionFailed"));
    assert_eq!(world.object("ledger", "k").unwrap(), "3");
}

#[tokio::test(start_paused = true)]
async fn lists_a_prefix_in_pages() {
    let world = World::new(Setup::default());
    for n in 0..5 {
        world.put_object("ledger", &format!("intents/{n}.json"), "{}");
    }
    world.put_object("ledger", "receipts/0.json", "{}");
    let s3 = Clients::of(&world, "a").s3;
    let call = s3.list_objects_v2().bucket("ledger").prefix("intents/").max_keys(2);
    let pages: Vec<_> = call.into_paginator().send().collect::<Result<_, _>>().await.unwrap();
    let keys: Vec<_> = pages
        .iter()
        .flat_map(aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output::contents)
        .filter_map(|o| o.key())
        .collect();
    assert_eq!(pages.len(), 3);
    assert_eq!(keys, [0, 1, 2, 3, 4].map(|n| format!("intents/{n}.json")));
}

/// So a code is never part of it: who wants to know more than the status does not learn it here.
#[tokio::test(start_paused = true)]
async fn no_answer_to_a_head_has_a_body() {
    let elsewhere = Setup { artifact_region: Some("eu-central-1".into()), ..Setup::default() };
    let moved = World::new(elsewhere);
    let world = World::new(Setup::default());
    world.put_object("ledger", "k", "twelve bytes");
    world.fault(Fault::on(Api::HeadObject).of("denied").denied());
    world.fault(Fault::on(Api::HeadObject).of("slow").throttled());
    for (world, bucket, key, status) in [
        (&world, "ledger", "missing", 404),
        (&world, "nowhere", "k", 404),
        (&world, "ledger", "denied", 403),
        (&world, "ledger", "slow", 503),
        (&moved, "artifacts", "k", 301),
    ] {
        let s3 = Clients::of(world, "a").s3;
        let failed = s3.head_object().bucket(bucket).key(key).send().await.unwrap_err();
        let answer = failed.raw_response().unwrap();
        assert_eq!(answer.status().as_u16(), status, "{bucket}/{key}");
        assert_eq!(answer.body().bytes(), Some(b"".as_slice()), "{bucket}/{key}");
    }
    let s3 = Clients::of(&world, "a").s3;
    let head = s3.head_object().bucket("ledger").key("k").send().await.unwrap();
    assert_eq!(head.content_length(), Some(12));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_elsewhere_is_told_by_its_region_and_a_code_of_the_status() {
    for (wrong_region, expected) in [
        (301, "PermanentRedirect"),
        (307, "TemporaryRedirect"),
        (400, "AuthorizationHeaderMalformed"),
    ] {
        let artifact_region = Some("eu-central-1".to_owned());
        let world = World::new(Setup { artifact_region, wrong_region, ..Setup::default() });
        let s3 = Clients::of(&world, "a").s3;
        let refused = s3.list_objects_v2().bucket("artifacts").send().await.unwrap_err();
        let answer = refused.raw_response().unwrap();
        assert_eq!(answer.headers().get("x-amz-bucket-region"), Some("eu-central-1"));
        assert_eq!(answer.status().as_u16(), wrong_region);
        assert_eq!(code(&refused.into_service_error()), Some(expected));
    }
}
