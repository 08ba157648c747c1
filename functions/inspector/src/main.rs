//! The inspector function: answers people who ask why something is, or is not, touched. It reads, and changes
//! nothing. Everything that it does is in [`session_cleanup::inspector`].

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use session_cleanup::aws::Pace;
use session_cleanup::config::Percent;
use session_cleanup::{inspector, run_function, start_up};

fn main() -> Result<(), Error> {
    run_function(serve())
}

async fn serve() -> Result<(), Error> {
    let pace = |_: &session_cleanup::config::Config| Pace::share(Percent::TENTH);
    let context = start_up(pace).await.map_err(|error| Error::from(error.to_string()))?;
    run(service_fn(|event: LambdaEvent<Value>| {
        let context = &context;
        async move {
            let deadline = context.deadline(event.context.deadline());
            Ok::<_, Error>(inspector::handle(context, &event.payload, deadline).await)
        }
    }))
    .await
}
