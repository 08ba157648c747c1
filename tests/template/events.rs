//! From the bus to the completion function.

use crate::{list, properties, seconds};
use serde_json::json;

#[test]
fn an_event_is_retried_alone_and_then_kept_in_the_dead_letter_queue() {
    let mapping = properties("CompletionFunctionQueue");
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert_eq!(mapping["BatchSize"], 100);
    assert!(mapping["ScalingConfig"]["MaximumConcurrency"].is_u64());

    let dead_letters = json!({"Fn::GetAtt": ["DeadLetterQueue", "Arn"]});
    let redrive = &properties("Queue")["RedrivePolicy"];
    assert_eq!(redrive["deadLetterTargetArn"], dead_letters);
    assert_eq!(redrive["maxReceiveCount"], json!({"Ref": "MaxReceiveCount"}));
    for rule in ["SessionEndedRule", "TaskStoppedRule"] {
        for target in list(&properties(rule)["Targets"]) {
            assert_eq!(target["DeadLetterConfig"]["Arn"], dead_letters, "{rule}");
            assert!(target["RetryPolicy"]["MaximumRetryAttempts"].is_u64(), "{rule}");
        }
    }
    for queue in ["Queue", "DeadLetterQueue"] {
        assert_eq!(properties(queue)["SqsManagedSseEnabled"], true, "{queue}");
    }
}

#[test]
fn time_limits_fit_into_one_another() {
    let function = seconds("FunctionTimeout");
    let window = properties("CompletionFunctionQueue")["MaximumBatchingWindowInSeconds"].as_u64();
    let visibility = seconds("VisibilityTimeout");
    assert!(visibility >= 6 * function + window.unwrap(), "AWS's own advice");

    let to_the_stop =
        seconds("UploadTimeout").max(seconds("TargetTimeout")) + seconds("StopTimeout");
    let to_the_proof = seconds("TargetTimeout") + seconds("VerifyTimeout");
    let longest = seconds("IdentifyTimeout") + to_the_stop.max(to_the_proof);
    let ends = longest + seconds("ReceiptTimeout") + seconds("DeadlineMargin");
    assert!(ends <= function, "a cleanup may take {ends} s, and the function has {function} s");
}
