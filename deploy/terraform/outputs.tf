output "event_bus_arn" {
  description = "Bus that owners put their Session Ended events on"
  value       = aws_cloudformation_stack.this.outputs["EventBusArn"]
}

output "event_source" {
  description = "Source that those events must have"
  value       = aws_cloudformation_stack.this.outputs["EventSource"]
}

output "owner_policy_arn" {
  description = "Policy that lets an owner's role put them, and nothing else"
  value       = aws_cloudformation_stack.this.outputs["OwnerPolicyArn"]
}

output "dashboard_url" {
  description = "The dashboard (in the partition aws)"
  value       = aws_cloudformation_stack.this.outputs["DashboardUrl"]
}

output "queue_url" {
  description = "Queue between the bus and the completion function"
  value       = aws_cloudformation_stack.this.outputs["QueueUrl"]
}

output "dead_letter_queue_url" {
  description = "Queue of events that were dead-lettered"
  value       = aws_cloudformation_stack.this.outputs["DeadLetterQueueUrl"]
}

output "ledger_bucket" {
  description = "Bucket of receipts, reports of sweeps, suspects and intents"
  value       = aws_cloudformation_stack.this.outputs["LedgerBucket"]
}

output "completion_function" {
  description = "Name of the completion function"
  value       = aws_cloudformation_stack.this.outputs["CompletionFunction"]
}

output "completion_log_group" {
  description = "Log group of the completion function"
  value       = aws_cloudformation_stack.this.outputs["CompletionLogGroup"]
}

output "reaper_function" {
  description = "Name of the reaper"
  value       = aws_cloudformation_stack.this.outputs["ReaperFunction"]
}

output "reaper_log_group" {
  description = "Log group of the reaper"
  value       = aws_cloudformation_stack.this.outputs["ReaperLogGroup"]
}

output "inspector_function" {
  description = "Name of the inspector, which answers why"
  value       = aws_cloudformation_stack.this.outputs["InspectorFunction"]
}

output "inspector_log_group" {
  description = "Log group of the inspector"
  value       = aws_cloudformation_stack.this.outputs["InspectorLogGroup"]
}

output "failed_sweeps_queue_url" {
  description = "Invocations of the reaper that failed or came too late"
  value       = aws_cloudformation_stack.this.outputs["FailedSweepsQueueUrl"]
}
