# The module's own: what is deployed, from where, and as what.

variable "bucket" {
  description = "Bucket, of the Region that is deployed to, that keeps the template and the functions' code"
  type        = string
}

variable "release" {
  description = "Path of the release, unpacked; null for the release that this module is part of"
  type        = string
  default     = null
}

variable "stack_name" {
  description = "Name of the stack, with which the names of its functions, queues and log groups begin"
  type        = string
  default     = "fargate-session-cleanup"
}

# From here on each variable is the parameter of template.yaml with that name in CamelCase. null is the template's default.

# What is cleaned. Nothing outside these lists is ever written.

variable "clusters" {
  description = "ARNs of the ECS clusters that sessions run in; 1,024 characters in all"
  type        = list(string)
}

variable "families" {
  description = "Task definition families of session tasks; each may end in * for all that begin so"
  type        = list(string)
}

variable "target_group_arns" {
  description = "ARNs of the target groups (target type ip) that sessions are registered in; empty where no load balancer routes to them"
  type        = list(string)
  default     = null
}

variable "identity_sources" {
  description = "Where a task's session id is read from; the first that is found counts"
  type        = list(string)
  default     = null
}

variable "session_container" {
  description = "Name of the container that runs the session, where no environment override says which; empty for none"
  type        = string
  default     = null
}

# The session container's contract.

variable "container_port" {
  description = "Port that session containers listen on"
  type        = number
  default     = null
}

variable "complete_path" {
  description = "Path that makes a container upload its artifacts"
  type        = string
  default     = null
}

variable "container_authorization" {
  description = "Reference to the value of the header Authorization for the complete path; secretsmanager:NAME:SecretString:KEY or ssm:NAME"
  type        = string
  default     = null
}

variable "health_path" {
  description = "Path that answers 200 while the session is active and 503 once it is complete"
  type        = string
  default     = null
}

# Artifacts.

variable "artifact_bucket" {
  description = "Bucket that session containers upload to; it is only read. Required, except in mode discard"
  type        = string
  default     = null
}

variable "artifact_prefix" {
  description = "What comes before {session_id}/ in the keys of artifacts, with its final slash"
  type        = string
  default     = null
}

variable "artifact_marker" {
  description = "Key below {session_id}/ of the object that must exist after an upload"
  type        = string
  default     = null
}

variable "artifact_mode" {
  description = "complete: the container is asked to upload; none: it uploads by itself; discard: there are no artifacts"
  type        = string
  default     = null
}

variable "marker_written_last" {
  description = "Whether the marker is the last object of an upload, so that it proves the rest"
  type        = bool
  default     = null
}

# Events.

variable "event_source" {
  description = "Source of the Session Ended events"
  type        = string
  default     = null
}

variable "event_bus_name" {
  description = "Event bus that owners put their Session Ended events on; those of ECS come on the default bus"
  type        = string
  default     = null
}

variable "completion_mode" {
  description = "observe: the completion function only says what it would do, and how long the owner's own way took"
  type        = string
  default     = null
}

variable "max_receive_count" {
  description = "Attempts at an event before it goes to the dead-letter queue"
  type        = number
  default     = null
}

variable "visibility_factor" {
  description = "The time between two attempts at an event is function_timeout times this factor, plus one second; AWS recommends 6"
  type        = number
  default     = null
}

variable "events_wait_at_most" {
  description = "Seconds that an event may wait before an alarm rings; more than three times visibility_factor x function_timeout"
  type        = number
  default     = null
}

variable "ending_tasks_wait_at_most" {
  description = "The same for tasks that are being stopped; more than three times function_timeout"
  type        = number
  default     = null
}

variable "cleanup_failures_at_least" {
  description = "This many failed cleanups within five minutes raise an alarm, and make the reaper sweep at once"
  type        = number
  default     = null
}

# Time. All steps of a cleanup must fit inside function_timeout, and inside reaper_timeout: docs/configuration.md.

variable "function_timeout" {
  description = "Seconds that one invocation of the completion function may take"
  type        = number
  default     = null
}

variable "identify_timeout" {
  description = "Finding the tasks of a batch"
  type        = string
  default     = null
}

variable "upload_timeout" {
  description = "The container's upload, attempts and their verification together"
  type        = string
  default     = null
}

variable "connect_timeout" {
  description = "A TCP connection to a container, or to AWS; at most 2s"
  type        = string
  default     = null
}

variable "target_timeout" {
  description = "Deregistering a target and asking whether it was still ours"
  type        = string
  default     = null
}

variable "verify_timeout" {
  description = "Until a target that was deregistered is draining or gone"
  type        = string
  default     = null
}

variable "stop_timeout" {
  description = "Stopping a task"
  type        = string
  default     = null
}

variable "receipt_timeout" {
  description = "Writing a receipt"
  type        = string
  default     = null
}

variable "deadline_margin" {
  description = "What is kept free before an invocation's deadline"
  type        = string
  default     = null
}

# The reaper.

variable "reaper_mode" {
  description = "report: a sweep says what it would do; enforce: it does it"
  type        = string
  default     = null
}

variable "sweep_every" {
  description = "How often the reaper sweeps; the alarms' periods follow from it"
  type        = string
  default     = null
}

variable "sweep_schedule" {
  description = "For demonstrations and tests, with sweep_interval; another schedule than sweep_every"
  type        = string
  default     = null
}

variable "sweep_interval" {
  description = "For demonstrations and tests, with sweep_schedule; the time between two of its sweeps"
  type        = string
  default     = null
}

variable "reaper_timeout" {
  description = "Seconds that one sweep may take; less than sweep_every"
  type        = number
  default     = null
}

variable "probe_timeout" {
  description = "An answer to a probe, the reaper's own health check; longer than connect_timeout"
  type        = string
  default     = null
}

variable "warm_pool" {
  description = "Whether tasks wait, without a session, until one claims them"
  type        = bool
  default     = null
}

variable "max_session_age" {
  description = "How old a session without a lease may get"
  type        = string
  default     = null
}

variable "hard_age" {
  description = "How old any session may get; longer than max_session_age"
  type        = string
  default     = null
}

variable "lease_grace" {
  description = "How long after its end a lease may still be renewed"
  type        = string
  default     = null
}

variable "start_up_grace" {
  description = "How long a session may take until its target is healthy"
  type        = string
  default     = null
}

variable "salvage_window" {
  description = "How long artifacts are waited for before they are given up and the task is stopped"
  type        = string
  default     = null
}

variable "blast_radius_at_least" {
  description = "The blast radius; one sweep may always touch so many tasks, and deregister so many targets of a group"
  type        = number
  default     = null
}

variable "blast_radius_percent" {
  description = "The blast radius in percent of the tasks, and likewise of a group's targets, if that is more"
  type        = number
  default     = null
}

variable "rate_share_percent" {
  description = "The share of AWS's request rates that a sweep uses"
  type        = number
  default     = null
}

# Deployment.

variable "architecture" {
  description = "Processor of the functions"
  type        = string
  default     = null

  validation {
    condition     = contains(["arm64", "x86_64"], coalesce(var.architecture, "arm64"))
    error_message = "There are functions for arm64 and for x86_64."
  }
}

variable "memory_size" {
  description = "Memory of the completion function in MB"
  type        = number
  default     = null
}

variable "reaper_memory_size" {
  description = "Memory of the reaper, and of the inspector, in MB"
  type        = number
  default     = null
}

variable "subnet_ids" {
  description = "Subnets with a route to the session containers and to AWS's APIs; empty for no VPC"
  type        = list(string)
  default     = null
}

variable "security_group_ids" {
  description = "Security groups of the functions; needed with subnet_ids, and without them refused"
  type        = list(string)
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the roles of the functions; empty for none"
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Key that encrypts the ledger, the logs and the functions' environment; empty for AWS's own"
  type        = string
  default     = null
}

variable "receipt_retention_days" {
  description = "Days after which receipts and reports of sweeps expire"
  type        = number
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept"
  type        = number
  default     = null
}

variable "log_level" {
  description = "Least severe level that is logged"
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "SNS topic of the alarms that page someone; empty for none"
  type        = string
  default     = null
}

variable "ticket_topic_arn" {
  description = "SNS topic of the alarms that can wait for working hours; empty for alarm_topic_arn"
  type        = string
  default     = null
}
