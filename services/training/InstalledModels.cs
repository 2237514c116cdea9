using Platform.Inference;

namespace Platform.Training;

/// <summary>The models of the repository a training is run in.</summary>
public static class InstalledModels
{
    /// <summary>Loads shared/models/{name}/{version}.</summary>
    /// <param name="id">name@version.</param>
    /// <param name="asker">Who asks for it, for the message.</param>
    /// <exception cref="InvalidDataException">No model of that name and version is there.</exception>
    public static ModelPackage Load(string id, string asker)
    {
        var folder = Path.Combine("shared", "models", id.Replace('@', Path.DirectorySeparatorChar));
        return id.Contains('@', StringComparison.Ordinal) && Directory.Exists(folder)
            ? ModelPackage.Load(
                File.ReadAllBytes(Path.Combine(folder, "model.json")),
                File.ReadAllBytes(Path.Combine(folder, "model.onnx"))
            )
            : throw new InvalidDataException(
                $"{asker} must name an installed model as name@version; '{id}' is not in shared/models"
            );
    }
}
