ALTER TABLE `deployments` ADD `restart_policy` text DEFAULT 'never' NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `restarts` text;--> statement-breakpoint
ALTER TABLE `deployments` ADD `crash_loop` integer DEFAULT false NOT NULL;