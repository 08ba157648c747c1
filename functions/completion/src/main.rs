//! The completion function: reacts to session-end events. Everything that it does is in
//! [`session_cleanup::completion`].

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use session_cleanup::aws::Pace;
use session_cleanup::{completion, run_function, start_up};

fn main() -> Result<(), Error> {
    run_function(serve())
}

async fn serve() -> Result<(), Error> {
    let context = start_up(|_| Pace::as_aws_allows())
        .await
        .map_err(|error| Error::from(error.to_string()))?;
    run(service_fn(|event: LambdaEvent<Value>| {
        let context = &context;
        async move {
            let deadline = context.deadline(event.context.deadline());
            let request_id = &event.context.request_id;
            let handled = completion::handle(context, event.payload, deadline, request_id).await;
            handled.map_err(|error| Diagnostic {
                error_type: error.kind().to_owned(),
                error_message: error.to_string(),
            })
        }
    }))
    .await
}
