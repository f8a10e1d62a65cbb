ALTER TABLE `deployments` ADD `gpus` text;--> statement-breakpoint
ALTER TABLE `deployments` ADD `context_length` integer;