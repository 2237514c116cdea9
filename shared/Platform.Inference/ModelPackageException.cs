namespace Platform.Inference;

/// <summary>What is wrong with a model package.</summary>
public enum ModelPackageFault
{
    /// <summary>No installed package has the name, or the version.</summary>
    UnknownModel,

    /// <summary>model.onnx does not have the digest that model.json states.</summary>
    DigestMismatch,

    /// <summary>model.json is not valid, or states what cannot be.</summary>
    InvalidManifest,

    /// <summary>model.onnx cannot be loaded, or does not take and give what model.json promises.</summary>
    InvalidNetwork,
}

/// <summary>A model package cannot be used. The message names the model and the value at fault.</summary>
public sealed class ModelPackageException(
    ModelPackageFault fault,
    string message,
    Exception? inner = null
) : Exception(message, inner)
{
    /// <summary>What is wrong, for machines.</summary>
    public ModelPackageFault Fault { get; } = fault;
}
