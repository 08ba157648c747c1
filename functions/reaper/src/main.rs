//! The reaper function: sweeps on a schedule, for tasks that no one will end and targets that nobody
//! stands behind. Everything that it does is in [`session_cleanup::reaper`].

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use session_cleanup::aws::Pace;
use session_cleanup::{reaper, run_function, start_up};

fn main() -> Result<(), Error> {
    run_function(serve())
}

async fn serve() -> Result<(), Error> {
    let pace = |config: &session_cleanup::config::Config| Pace::share(config.sweep.rate_share);
    let context = start_up(pace).await.map_err(|error| Error::from(error.to_string()))?;
    run(service_fn(|event: LambdaEvent<Value>| {
        let context = &context;
        async move {
            let deadline = context.deadline(event.context.deadline());
            let request_id = &event.context.request_id;
            let handled = reaper::handle(context, &event.payload, deadline, request_id).await;
            handled.map_err(|error| Diagnostic {
                error_type: "EventRefused".to_owned(),
                error_message: error.to_string(),
            })
        }
    }))
    .await
}
