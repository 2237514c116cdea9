using Platform.Training;

// A service is configured by settings, as the others are, and ended by its host.
if (args is ["serve", .. var settings])
{
    await TrainingService.RunAsync(settings);
    return 0;
}
return TrainingCommands.Create().Parse(args).Invoke();
