//! The demo, in three acts: what the completion function makes of the events of sessions' ends, what the reaper
//! makes of all that no event reported (and what people are told who ask why), and a warm pool without a load balancer.
//!
//! The chain is real from the bus to the binaries: EventBridge rule, SQS queue, event source mapping,
//! the functions as they are deployed. Only ECS, the load balancer and the containers are simulated,
//! and they are served over HTTP. After its start the demo changes the world only as an owner or a
//! container could.

mod asked;
mod completion;
mod local_stack;
mod page;
mod part;
mod pool;
mod promises;
mod reaper;
mod tables;

use crate::local_aws::LocalAws;
use local_stack::LocalStack;

type Failure = Box<dyn std::error::Error>;

/// Shows it all.
///
/// # Errors
/// What could not be started, what took too long, or which promise was not kept.
pub async fn show() -> Result<(), Failure> {
    // Before anything is started: is what will be shown what is in the sources?
    LocalAws::ready()?;
    let local = LocalStack::set().await?;
    let completion = completion::Act::begin(&local).await?;
    // While the first act's queue tries again what can't be cleaned, and gives it up.
    let reaper = reaper::Act::look_twice(&local, completion.left_to_the_reaper()).await?;
    let broken = completion.end(&local).await? + reaper.enforce(&local).await?;
    let broken = broken + pool::play(&local).await?;
    let page = local.write_page()?;
    println!("To look at: {}\n", page.display());
    if broken == 0 {
        local.say("All promises kept.");
        Ok(())
    } else {
        Err(format!("{broken} of its promises were not kept (BROKEN above)").into())
    }
}
