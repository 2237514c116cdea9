namespace Platform.Inference;

/// <summary>A network failed on an input: a shape it does not take, or too little memory.</summary>
public sealed class InferenceException(string message, Exception? inner = null)
    : Exception(message, inner);
