use super::{Lambda, LocalAws, LocalAwsError, Objects, REGION, Subscription, http, sam};
use ::http::Method;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// The template's stack, deployed and at work.
pub struct Stack {
    name: String,
    endpoint: String,
    outputs: BTreeMap<String, String>,
    bus: aws_sdk_eventbridge::Client,
    queues: aws_sdk_sqs::Client,
    objects: Objects,
}

/// What is in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that wait to be received.
    pub waiting: usize,
    /// Messages that were received, and neither deleted nor given back yet.
    pub in_flight: usize,
}

impl Stack {
    pub(super) async fn deploy(
        aws: &LocalAws,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Self, LocalAwsError> {
        sam::deploy(aws.endpoint(), name, parameters).await?;
        let outputs = sam::outputs(aws.endpoint(), name).await?;
        let bus = aws_sdk_eventbridge::Config::builder()
            .behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest())
            .region(aws_sdk_eventbridge::config::Region::new(REGION))
            .credentials_provider(LocalAws::credentials())
            .http_client(aws.http.clone())
            .endpoint_url(aws.endpoint())
            .build();
        let queues = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new(REGION))
            .credentials_provider(LocalAws::credentials())
            .http_client(aws.http.clone())
            .endpoint_url(aws.endpoint())
            .build();
        Ok(Self {
            name: name.to_owned(),
            endpoint: aws.endpoint().to_owned(),
            outputs,
            bus: aws_sdk_eventbridge::Client::from_conf(bus),
            queues: aws_sdk_sqs::Client::from_conf(queues),
            objects: aws.objects(),
        })
    }

    /// The value of an output of the template.
    ///
    /// # Panics
    /// When the template has no such output.
    #[must_use]
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the template has no output {name}"))
    }

    // ---- What a owner does ----------------------------------------------------------------

    /// A queue of the owner's own, which is told of each receipt.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn subscribe(&self) -> Result<Subscription, LocalAwsError> {
        let ledger = self.output("LedgerBucket");
        Subscription::new(&self.name, ledger, &self.bus, &self.queues, &self.objects).await
    }

    /// Puts one event on the bus.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn put_event(
        &self,
        source: &str,
        detail_type: &str,
        detail: &Value,
    ) -> Result<(), LocalAwsError> {
        let entry = PutEventsRequestEntry::builder()
            .source(source)
            .detail_type(detail_type)
            .detail(detail.to_string())
            .build();
        let answer = self.bus.put_events().entries(entry).send().await;
        let answer = answer.map_err(LocalAwsError::call("PutEvents"))?;
        match answer.entries().iter().find_map(|entry| entry.error_message()) {
            None => Ok(()),
            Some(message) => Err(LocalAwsError::call("PutEvents")(message)),
        }
    }

    // ---- What AWS does, and the emulator can't be made to --------------------------------------

    /// Puts a message into the queue as it is: an event of ECS, which only AWS may put on a bus, or
    /// garbage.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn send_to_queue(&self, body: &str) -> Result<(), LocalAwsError> {
        let request =
            self.queues.send_message().queue_url(self.output("QueueUrl")).message_body(body);
        request.send().await.map(drop).map_err(LocalAwsError::call("SendMessage"))
    }

    /// Puts at most ten messages into the queue at once, so that they are delivered together.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    ///
    /// # Panics
    /// When there are more than ten.
    pub async fn send_all_to_queue(&self, bodies: &[&str]) -> Result<(), LocalAwsError> {
        assert!(bodies.len() <= 10, "SQS takes ten messages a call");
        let mut request = self.queues.send_message_batch().queue_url(self.output("QueueUrl"));
        for (number, body) in bodies.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder().id(number.to_string());
            let entry = entry.message_body(*body).build();
            request = request.entries(entry.map_err(LocalAwsError::call("SendMessageBatch"))?);
        }
        let answer = request.send().await.map_err(LocalAwsError::call("SendMessageBatch"))?;
        match answer.failed().iter().find_map(|failed| failed.message()) {
            None => Ok(()),
            Some(message) => Err(LocalAwsError::call("SendMessageBatch")(message)),
        }
    }

    /// The pattern of one of the stack's rules, by its logical id, as it was deployed.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    ///
    /// # Panics
    /// When the template has no such rule, or it has no pattern.
    pub async fn event_pattern(&self, rule: &str) -> Result<Value, LocalAwsError> {
        let prefix = format!("{}-{rule}-", self.name);
        let mut patterns = self.event_patterns().await?.into_iter();
        let pattern = patterns.find(|(name, _)| name.starts_with(&prefix));
        let (_, pattern) = pattern.unwrap_or_else(|| panic!("there is no rule {rule}"));
        serde_json::from_str(&pattern).map_err(LocalAwsError::call("ListRules"))
    }

    /// The stack's rules that wait for events, by name; those of a schedule have no pattern.
    async fn event_patterns(&self) -> Result<Vec<(String, String)>, LocalAwsError> {
        let rules = self.bus.list_rules().name_prefix(format!("{}-", self.name)).send().await;
        let rules = rules.map_err(LocalAwsError::call("ListRules"))?.rules.unwrap_or_default();
        Ok(rules.into_iter().filter_map(|rule| rule.name.zip(rule.event_pattern)).collect())
    }

    /// Whether one of the stack's rules takes `event`: each rule's pattern as it was deployed,
    /// against the event.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn is_taken_by_a_rule(&self, event: &Value) -> Result<bool, LocalAwsError> {
        for (_, pattern) in self.event_patterns().await? {
            let test = self.bus.test_event_pattern().event(event.to_string());
            let answer = test.event_pattern(pattern).send().await;
            if answer.map_err(LocalAwsError::call("TestEventPattern"))?.result() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Invokes a function with `payload`, past queue and schedule. Its own error is an answer too:
    /// one with an `errorMessage`.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn invoke(&self, function: Lambda, payload: &Value) -> Result<Value, LocalAwsError> {
        let path = format!("/2015-03-31/functions/{}/invocations", self.output(function.output()));
        let answer =
            http::call(&self.endpoint, Method::POST, &path, None, payload.to_string()).await?;
        serde_json::from_slice(&answer).map_err(LocalAwsError::call("Invoke"))
    }

    // ---- What an operator sees -----------------------------------------------------------------

    /// What is in the queue.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn queue_depth(&self) -> Result<QueueDepth, LocalAwsError> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let request = self.queues.get_queue_attributes().queue_url(self.output("QueueUrl"));
        let answer = request.attribute_names(Waiting).attribute_names(InFlight).send().await;
        let answer = answer.map_err(LocalAwsError::call("GetQueueAttributes"))?;
        let count = |name| {
            let text = answer.attributes().and_then(|attributes| attributes.get(&name));
            text.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        Ok(QueueDepth { waiting: count(Waiting), in_flight: count(InFlight) })
    }

    /// The bodies of the messages in the dead-letter queue, which stay there.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn dead_letters(&self) -> Result<Vec<String>, LocalAwsError> {
        let queue = self.output("DeadLetterQueueUrl");
        let mut seen = Vec::new();
        loop {
            let request = self.queues.receive_message().queue_url(queue);
            let answer = request.max_number_of_messages(10).visibility_timeout(60).send().await;
            let answer = answer.map_err(LocalAwsError::call("ReceiveMessage"))?;
            let messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            seen.extend(messages);
        }
        let mut bodies = Vec::new();
        for message in seen {
            let handle = message.receipt_handle.unwrap_or_default();
            let request = self.queues.change_message_visibility().queue_url(queue);
            let answer = request.receipt_handle(handle).visibility_timeout(0).send().await;
            answer.map_err(LocalAwsError::call("ChangeMessageVisibility"))?;
            bodies.push(message.body.unwrap_or_default());
        }
        Ok(bodies)
    }

    /// The ledger's objects below `prefix` (`receipts/`, `intents/`, `sweeps/`), by key.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn ledger(&self, prefix: &str) -> Result<BTreeMap<String, Value>, LocalAwsError> {
        let bucket = self.output("LedgerBucket");
        let mut found = BTreeMap::new();
        for key in self.objects.keys(bucket, prefix).await? {
            // An intent may be deleted between the two calls.
            if let Some(body) = self.objects.get(bucket, &key).await? {
                let value = serde_json::from_slice(&body);
                found.insert(key.clone(), value.map_err(LocalAwsError::call(key))?);
            }
        }
        Ok(found)
    }

    /// What a function has printed (the first 10,000 lines), with Lambda's own `START`, `END` and
    /// `REPORT` lines. An invocation's lines are together, and there once it has ended.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn log_lines(&self, function: Lambda) -> Result<Vec<String>, LocalAwsError> {
        let query = json!({"logGroupName": self.output(function.log_group())}).to_string();
        let target = Some("Logs_20140328.FilterLogEvents");
        let answer = http::call(&self.endpoint, Method::POST, "/", target, query).await?;
        let answer: Value =
            serde_json::from_slice(&answer).map_err(LocalAwsError::call("FilterLogEvents"))?;
        let events = answer["events"].as_array().into_iter().flatten();
        Ok(events.filter_map(|event| event["message"].as_str().map(str::to_owned)).collect())
    }

    /// How many invocations a function's own process has answered or been cut off in: those in
    /// which it has printed something. Lambda reports an invocation for a binary that can't even
    /// start, too; why it can't is in [`LocalAws::log_file`] alone.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn invocations(&self, function: Lambda) -> Result<usize, LocalAwsError> {
        let lines = self.log_lines(function).await?;
        let starts = lines.iter().zip(lines.iter().skip(1));
        Ok(starts.filter(|(line, next)| is_start(line) && !is_end(next)).count())
    }

    /// The SHA-256 of the package that a function was deployed from, in hexadecimal digits.
    ///
    /// # Errors
    /// [`LocalAwsError::Call`]
    pub async fn package_sha256(&self, function: Lambda) -> Result<String, LocalAwsError> {
        let path = format!("/2015-03-31/functions/{}", self.output(function.output()));
        let told = http::call(&self.endpoint, Method::GET, &path, None, "").await?;
        let told: Value =
            serde_json::from_slice(&told).map_err(LocalAwsError::call("GetFunction"))?;
        let sha256 = told["Configuration"]["CodeSha256"].as_str().unwrap_or_default();
        let bytes = aws_smithy_types::base64::decode(sha256);
        let bytes = bytes.map_err(LocalAwsError::call("GetFunction"))?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
    }
}

fn is_start(line: &str) -> bool {
    line.starts_with("START RequestId:")
}

fn is_end(line: &str) -> bool {
    line.starts_with("END RequestId:")
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The clients would fill pages.
        let Self { name, outputs, .. } = self;
        f.debug_struct("Stack")
            .field("name", name)
            .field("outputs", outputs)
            .finish_non_exhaustive()
    }
}
