namespace Platform.Imaging.Registration;

/// <summary>Small dense linear systems by Gaussian elimination with row pivoting.</summary>
internal static class LinearSystem
{
    /// <summary>Solves in place; <paramref name="augmented"/> is n×(n+1), the right-hand side last. False where it is singular.</summary>
    public static bool TrySolve(double[,] augmented, out double[] solution)
    {
        var size = augmented.GetLength(0);
        solution = new double[size];
        for (var column = 0; column < size; column++)
        {
            var pivot = column;
            for (var row = column + 1; row < size; row++)
            {
                if (Math.Abs(augmented[row, column]) > Math.Abs(augmented[pivot, column]))
                {
                    pivot = row;
                }
            }
            if (!(Math.Abs(augmented[pivot, column]) > 1e-12))
            {
                return false;
            }
            for (var n = 0; n <= size; n++)
            {
                (augmented[column, n], augmented[pivot, n]) = (
                    augmented[pivot, n],
                    augmented[column, n]
                );
            }
            for (var row = column + 1; row < size; row++)
            {
                var factor = augmented[row, column] / augmented[column, column];
                for (var n = column; n <= size; n++)
                {
                    augmented[row, n] -= factor * augmented[column, n];
                }
            }
        }
        for (var row = size - 1; row >= 0; row--)
        {
            var sum = augmented[row, size];
            for (var n = row + 1; n < size; n++)
            {
                sum -= augmented[row, n] * solution[n];
            }
            solution[row] = sum / augmented[row, row];
        }
        return true;
    }
}
