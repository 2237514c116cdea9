using Platform.Training;

return TrainingCommands.Create().Parse(args).Invoke();
